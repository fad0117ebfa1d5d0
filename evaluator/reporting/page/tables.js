// Tables of several models, sorted by the column whose head is clicked; numbers high first, names from A.
function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const number = (row, i) => parseFloat(row.cells[i].textContent);
  heads.forEach((head, i) => {
    const numeric = [...body.rows].every((row) => !row.cells[i].textContent || !Number.isNaN(number(row, i)));
    const sort = () => {
      const first = numeric ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? (numeric ? "ascending" : "descending") : first;
      const sign = order === "ascending" ? 1 : -1;
      const compare = (a, b) => numeric
        ? (number(a, i) || 0) - (number(b, i) || 0)
        : a.cells[i].textContent.localeCompare(b.cells[i].textContent);
      body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
    };
    head.replaceChildren(make("button", { type: "button", onclick: sort }, head.textContent));
  });
}
document.querySelectorAll("table.sortable").forEach(makeSortable);
