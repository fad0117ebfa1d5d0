// Tables of several models, sorted by the column whose head is clicked; numbers high first, names from A.
function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const number = (row, i) => parseFloat(row.cells[i].textContent);
  heads.forEach((head, i) => {
    const missing = (row) => ["", "–"].includes(row.cells[i].textContent.trim());
    const numeric = [...body.rows].every((row) => missing(row) || !Number.isNaN(number(row, i)));
    const sort = () => {
      const first = numeric ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? (numeric ? "ascending" : "descending") : first;
      const sign = order === "ascending" ? 1 : -1;
      const compare = (a, b) => numeric
        ? number(a, i) - number(b, i)
        : a.cells[i].textContent.localeCompare(b.cells[i].textContent);
      const [there, not] = [false, true].map((wanted) => [...body.rows].filter((row) => missing(row) === wanted));
      body.append(...there.sort((a, b) => sign * compare(a, b)), ...not); // what is missing comes last either way
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
    };
    head.replaceChildren(make("button", { type: "button", onclick: sort }, head.textContent));
  });
}
document.querySelectorAll("table.sortable").forEach(makeSortable);

// Says in words, beside the shadows, that a table goes on where its room ends.
function hintAt(box) {
  const caption = box.querySelector("caption > span");
  const wide = box.scrollWidth > box.clientWidth + 1, told = caption?.querySelector(".more");
  if (wide && caption && !told) caption.append(make("span", { class: "more" }, " scroll →"));
  else if (!wide) told?.remove();
}
const roomWatch = new ResizeObserver((entries) => entries.forEach((entry) => hintAt(entry.target)));
document.querySelectorAll(".scroll").forEach((box) => roomWatch.observe(box));
