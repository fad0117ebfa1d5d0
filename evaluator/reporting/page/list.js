// The list of groups: only the rows in view exist, so that ten thousand groups scroll like ten.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Captions are other people's text: never parsed as HTML, and kept from turning the line around them.
const foreign = (text) => make("bdi", { dir: "auto" }, text);

function glyph(group, system) {
  const right = isRight(group, system.index);
  const dots = isFourfold(group) && group.scores[system.index]
    ? comparisons(group.scores[system.index]).map((c) => make("i", { class: c.place + (c.margin > 0 ? " right" : " wrong") }))
    : [];
  const label = `${system.label}: ${right ? "right" : "wrong"}`;
  return make("span", { class: "verdict " + (right ? "right" : "wrong"), title: label },
    make("span", { class: "glyph", "aria-hidden": "true" }, ...dots), make("span", { class: "name" }, system.label),
    make("span", { class: "sr" }, right ? " right" : " wrong"));
}

function makeRow(group, place, count, state) {
  const thumbs = group.images.slice(0, 2).map((image) =>
    make("img", { src: pictureSource(image), alt: "", width: 64, height: 64, decoding: "async" }));
  const lines = group.captions.slice(0, 2).map((caption) => make("span", { class: "line" }, foreign(caption.text)));
  return make("div", { class: "row", role: "option", id: "row-" + place, "aria-selected": "false", "aria-posinset": place + 1, "aria-setsize": count },
    make("span", { class: "thumbs" }, ...thumbs),
    make("span", { class: "words" }, ...lines,
      make("span", { class: "verdicts" }, ...systemsOf(state.model).filter((s) => s.role !== "control" && group.scores[s.index]).map((system) => glyph(group, system)))));
}

function makeList(box, onChoose) {
  const canvas = make("div", { role: "presentation", class: "rows" });
  box.append(canvas);
  let shown = [], state = null, selected = -1, rows = new Map(), waiting = false;
  const rowHeight = () => parseFloat(getComputedStyle(box).getPropertyValue("--row"));

  function draw() {
    waiting = false;
    const height = rowHeight();
    const first = Math.max(0, Math.floor(box.scrollTop / height) - 4);
    const last = Math.min(shown.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + 4);
    for (const [place, row] of rows) if (place < first || place >= last) { row.remove(); rows.delete(place); }
    for (let place = first; place < last; place++) {
      if (rows.has(place)) continue;
      const row = makeRow(page.groups[shown[place]], place, shown.length, state);
      row.style.transform = `translateY(${place * height}px)`;
      row.addEventListener("click", () => onChoose(shown[place]));
      rows.set(place, row);
      canvas.append(row);
    }
    for (const [place, row] of rows) row.setAttribute("aria-selected", String(place === selected));
    if (rows.has(selected)) box.setAttribute("aria-activedescendant", "row-" + selected);
    else box.removeAttribute("aria-activedescendant");
  }

  function clear() {
    for (const row of rows.values()) row.remove();
    rows.clear();
    canvas.style.height = shown.length * rowHeight() + "px";
  }

  box.addEventListener("scroll", () => {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  }, { passive: true });
  addEventListener("resize", () => { clear(); draw(); });

  return {
    show(groups, newState) {
      shown = groups;
      state = newState;
      clear();
      box.scrollTop = 0;
      draw();
    },
    select(group) {
      selected = shown.indexOf(group);
      if (selected >= 0) {
        const top = selected * rowHeight();
        const room = box.clientHeight - rowHeight();
        const above = box.scrollTop - top, below = top - room - box.scrollTop;
        if (Math.max(above, below) > 3 * rowHeight()) box.scrollTop = top - room / 3; // a jump: show what is around it
        else if (above > 0) box.scrollTop = top;
        else if (below > 0) box.scrollTop = top - room;
      }
      draw();
    },
    neighbour(step) {
      const place = Math.min(shown.length - 1, Math.max(0, selected + step));
      return shown[place];
    },
  };
}
