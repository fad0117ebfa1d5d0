// One group in full: its pictures, its captions token by token, and the scores of every scorer.
const toggle = (text, pressed, onclick, attributes = {}) =>
  make("button", { type: "button", class: "toggle", "aria-pressed": String(pressed), onclick, ...attributes }, text);

function drawDetail(box, group, state, change) {
  const focus = document.activeElement?.dataset?.focus;
  box.replaceChildren(
    drawHeader(group, state, change),
    drawPictures(group, state, change),
    drawLegend(group, state, change),
    drawCaptions(group, state, change),
    drawScores(group, state),
    drawFacts(group));
  if (focus) box.querySelector(`[data-focus="${focus}"]`)?.focus({ preventScroll: true });
}

function drawHeader(group, state, change) {
  const facts = ["category", "edit", "attribute", "relation"].map((key) => group.facets[key]).filter(Boolean);
  const can = (key) => group.images.some((image) => (key === "boxes" ? image.objects.length : image.mask >= 0));
  const overlays = ["boxes", "masks"].filter(can).map((key) =>
    toggle(key, state[key], () => change({ [key]: !state[key] }), { "data-focus": key }));
  const steps = [["‹", -1, "Previous group"], ["›", 1, "Next group"]].map(([text, by, label]) =>
    make("button", { type: "button", class: "toggle", "aria-label": label, "data-focus": label, onclick: () => change.step(by) }, text));
  return make("header", {},
    make("h3", {}, make("a", { href: "#" + permalink(group, state), title: "Permanent link to this group" }, foreign(group.id))),
    make("p", { class: "chips" }, ...[...new Set(facts)].map((fact) => make("span", {}, foreign(fact)))),
    make("p", { class: "toggles" }, ...overlays, ...steps));
}

const permalink = (group, state) => "group=" + encodeURIComponent(group.id) + (state.model ? "&model=" + state.model : "");

function drawPictures(group, state, change) {
  return make("div", { class: "pictures" }, ...group.images.map((image, i) => {
    const picture = make("img", { src: pictureSource(image), alt: describe(group, i), decoding: "async" });
    const pressed = { type: "button", "data-focus": "stage" + i, "aria-label": `Picture ${letters[i]}: ${describe(group, i)}` };
    const probed = page.maps[state.model]?.groups[group.id]; // else there is nothing to press it for
    const stage = make(probed ? "button" : "div", { class: "stage", ...(probed ? pressed : {}) }, picture);
    const lay = () => layOver(stage, picture, group, i, state, change);
    if (picture.complete) lay(); else picture.addEventListener("load", lay);
    const name = make("figcaption", {}, make("b", {}, letters[i]),
      image.link ? make("a", { href: image.link }, "full size") : null);
    return make("figure", {}, stage, name);
  }));
}

function describe(group, image) {
  const caption = group.captions.find((_, j) => group.truth[image][j]);
  return caption ? caption.text : "no caption is true of it";
}

function layOver(stage, picture, group, image, state, change) {
  stage.querySelectorAll("canvas, svg, .mask, .patch").forEach((old) => old.remove());
  const { mask } = group.images[image];
  const shown = chosenMap(state, group);
  stage.classList.toggle("heated", Boolean(shown));
  if (shown) {
    const canvas = make("canvas", { class: "heat", "aria-hidden": "true" });
    drawHeat(canvas, shown.images[image], shown.grid, shown.low, shown.high);
    placeOver(canvas, picture, page.maps[state.model].fit);
    stage.append(canvas);
  }
  if (state.masks && mask >= 0) stage.append(make("img", { class: "mask", alt: "", src: "data:image/webp;base64," + pictures[mask] }));
  if (state.boxes) stage.append(drawBoxes(group.images[image]));
  const maps = page.maps[state.model];
  if (!maps || !maps.groups[group.id]) return;
  stage.classList.add("probe");
  if (state.patch && state.patch.image === image) stage.append(markPatch(picture, maps, state.patch.patch));
  stage.onclick = (event) => {
    const middle = Math.floor(maps.grid[0] / 2) * maps.grid[1] + Math.floor(maps.grid[1] / 2);
    const patch = event.detail === 0 ? middle : patchAt(event, stage, picture, maps); // 0: pressed by keyboard
    change({ token: null, patch: patch === null ? null : { image, patch } });
  };
  stage.onkeydown = (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step || !state.patch || state.patch.image !== image) return;
    event.preventDefault();
    event.stopPropagation();
    const [h, w] = maps.grid;
    const y = Math.min(h - 1, Math.max(0, Math.floor(state.patch.patch / w) + step[0]));
    const x = Math.min(w - 1, Math.max(0, (state.patch.patch % w) + step[1]));
    change({ patch: { image, patch: y * w + x } });
  };
}

function markPatch(picture, { grid, fit }, patch) {
  const mark = make("span", { class: "patch", "aria-hidden": "true" });
  const square = squareSeen(picture, fit);
  mark.style.left = 100 * (square.left + (square.width * (patch % grid[1])) / grid[1]) + "%";
  mark.style.top = 100 * (square.top + (square.height * Math.floor(patch / grid[1])) / grid[0]) + "%";
  mark.style.width = (100 * square.width) / grid[1] + "%";
  mark.style.height = (100 * square.height) / grid[0] + "%";
  return mark;
}

// The map to lay over the pictures now, with one scale for all of them, so that colors can be compared.
function chosenMap(state, group) {
  if (!state.token) return null;
  const { caption, token } = state.token;
  const { grid } = page.maps[state.model];
  const learned = state.learned && learnedMap(state, group, caption, token);
  const images = group.images.map((_, i) => (learned ? learned.values : tokenMap(state, group, i, caption, token)));
  const values = images.flat();
  return { images, grid, low: Math.min(...values), high: Math.max(...values), learned };
}

const signed = (value) => value.toFixed(3).replace("-", "−");

function drawLegend(group, state, change) {
  const box = make("div", { class: "legend", "aria-live": "polite" });
  const maps = page.maps[state.model]?.groups[group.id];
  if (!maps) return box;
  if (state.patch) {
    box.append(make("p", {}, `Cosine of the marked patch of picture ${letters[state.patch.image]} with every token, below each.`));
  } else if (state.token) {
    const { caption, token } = state.token;
    const shown = chosenMap(state, group);
    const what = shown.learned ? "Map the head learned for " : "Cosine of every patch with ";
    box.append(
      make("p", {}, what, make("q", {}, foreign(maps.tokens[caption][token].trim()))),
      make("p", { class: "scale" }, make("span", {}, signed(shown.low)), make("i", { class: "ramp" }), make("span", {}, signed(shown.high))));
    if (learnedMap(state, group, caption, token)) {
      box.append(toggle("learned map", state.learned, () => change({ learned: !state.learned }), { "data-focus": "learned" }));
    }
  } else box.append(make("p", { class: "hint" }, "Click a word to see where the model finds it; click a picture to see which words a patch answers to."));
  return box;
}

function drawCaptions(group, state, change) {
  return make("ol", { class: "captions" }, ...group.captions.map((caption, j) => {
    const letter = letters[j].toLowerCase();
    const trueOf = group.images.map((_, i) => (group.truth[i][j] ? letters[i] : null)).filter(Boolean).join(", ") || "none";
    return make("li", {}, make("b", { class: "letter" }, letter),
      make("p", {}, drawTokens(group, caption, j, state, change),
        make("small", {}, (caption.kind === "hard-positive" ? "other wording, " : "") + `true of ${trueOf}` + (caption.kind === "foil" ? " · foil" : ""))));
  }));
}

function drawTokens(group, caption, j, state, change) {
  const tokens = page.maps[state.model]?.groups[group.id]?.tokens[j];
  if (!tokens || !tokens.length) return make("span", { class: "tokens" }, foreign(caption.text));
  const cosines = state.patch && tokens.map((_, t) => tokenMap(state, group, state.patch.image, j, t)[state.patch.patch]);
  const line = make("bdi", { class: "tokens", dir: "auto" });
  tokens.forEach((text, t) => {
    const pressed = state.token?.caption === j && state.token?.token === t;
    const button = make("button", { type: "button", class: "token", "aria-pressed": String(pressed), "data-focus": `token${j}-${t}`,
      onclick: () => change({ patch: null, token: pressed ? null : { caption: j, token: t } }) }, text.trim());
    if (cosines) {
      const [low, high] = [Math.min(...cosines), Math.max(...cosines)];
      button.style.setProperty("--heat", ((cosines[t] - low) / (high - low || 1)).toFixed(3));
      button.classList.add("warm");
      button.append(make("sub", {}, signed(cosines[t]).replace("0.", ".")));
    }
    if (/^\s/.test(text)) line.append(" ");
    line.append(button);
  });
  return line;
}

function drawScores(group, state) {
  return make("div", { class: "scores" }, ...systemsOf(state.model).filter((s) => s.role !== "control" && group.scores[s.index]).map((system) => {
    const scores = group.scores[system.index];
    const right = isRight(group, system.index);
    return make("section", { class: "score " + (right ? "right" : "wrong") },
      make("h4", {}, system.label, make("span", { class: "mark" }, right ? "✓ right" : "✗ wrong")),
      isFourfold(group) ? drawFour(scores.map((row) => row.slice(0, 2)), system) : null,
      isFourfold(group) ? drawTable(group, scores, 2) : drawTable(group, scores, 0));
  }));
}

function digitsFor(values) {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((value, i) => value - sorted[i]);
  const wanted = gaps.length ? Math.max(1, 1 - Math.floor(Math.log10(Math.min(...gaps)))) : 3;
  const room = 5 - Math.ceil(Math.log10(1 + Math.max(...values.map(Math.abs)))); // six figures in all
  return Math.max(0, Math.min(wanted, room));
}

// The scores between their four comparisons; each sign is drawn as the model has it and marked right or wrong.
function drawFour(scores, system) {
  const digits = digitsFor(scores.flat());
  const text = (value) => value.toFixed(digits).replace("-", "−");
  const four = comparisons(scores);
  const spoken = four.map((c) => `${c.of} ${c.margin > 0 ? "right" : c.margin === 0 ? "tied" : "wrong"}`).join(", ");
  const grid = make("div", { class: "four", role: "img", "aria-label": `${system.label}, comparisons: ${spoken}` });
  for (const letter of ["A", "B", "a", "b"]) grid.append(make("b", { class: "at-" + (letter < "a" ? "image" : "caption") + letter }, letter));
  for (const [i, image] of ["A", "B"].entries()) {
    for (const [j, caption] of ["a", "b"].entries()) grid.append(make("span", { class: `cell ${image}${caption}` + (i === j ? " true" : "") }, text(scores[i][j])));
  }
  for (const c of four) {
    const across = c.place === "north" || c.place === "south";
    const sign = c.order === 0 ? "=" : (c.order > 0) ? (across ? ">" : "∨") : (across ? "<" : "∧");
    grid.append(make("i", { class: `sign ${c.place} ${c.margin > 0 ? "right" : "wrong"}`, title: `${c.of}: ${c.margin > 0 ? "right" : c.margin === 0 ? "a tie, which counts as wrong" : "wrong"}` }, sign));
  }
  return grid;
}

// The scores of the captions from number `first` on.
function drawTable(group, scores, first) {
  if (group.captions.length <= first) return null;
  const digits = digitsFor(scores.flat());
  const head = make("tr", {}, make("td"), ...scores.map((_, i) => make("th", { scope: "col" }, letters[i])));
  const rows = group.captions.slice(first).map((_, i) => first + i).map((j) => make("tr", {}, make("th", { scope: "row" }, letters[j].toLowerCase()),
    ...scores.map((row, i) => make("td", { class: group.truth[i][j] ? "true" : "" }, row[j].toFixed(digits).replace("-", "−")))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

function axisText(axis, value) {
  const single = page.axes[axis].bins.find((bin) => bin.label === "yes" || bin.label === "no" ? bin.low === value : false);
  return single ? single.label : String(Math.round(value * 1000) / 1000);
}

function drawFacts(group) {
  const facts = Object.entries(group.axes).filter(([, value]) => value !== null);
  return make("dl", { class: "facts" }, ...facts.map(([axis, value]) => make("div", {},
    make("dt", {}, page.axes[axis].label), make("dd", {}, axisText(axis, value)))));
}
