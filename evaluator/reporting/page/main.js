// The explorer: filters, the address (#group=…&is.category=…), the keyboard.
const explorer = document.getElementById("explorer");
const find = (selector) => explorer.querySelector(selector);
const listBox = find(".list"), detailBox = find(".detail"), countBox = find(".count");
const state = { facets: {}, difficulty: "", outcome: "", search: "", sort: "", model: 0, group: -1, token: null, patch: null, learned: true, boxes: false, masks: false };
let shown = [];
const list = makeList(listBox, (group) => {
  choose(group);
  const oneColumn = detailBox.getBoundingClientRect().top > listBox.getBoundingClientRect().bottom;
  if (oneColumn) detailBox.scrollIntoView();
});

function choose(group) {
  if (group === undefined || group < 0) return;
  state.token = state.patch = null;
  state.group = group;
  list.select(group);
  drawDetail(detailBox, page.groups[group], state, change);
  remember();
}

// A click inside the detail: some of the state is new and the rest stays.
function change(fields) {
  if (state.group < 0) return;
  Object.assign(state, fields);
  drawDetail(detailBox, page.groups[state.group], state, change);
}
change.step = (by) => choose(list.neighbour(by));

function refresh() {
  shown = filterGroups(state);
  countBox.textContent = `${shown.length.toLocaleString("en")} of ${page.groups.length.toLocaleString("en")} ${countBox.dataset.unit}`;
  list.show(shown, state);
  if (shown.includes(state.group)) choose(state.group);
  else if (shown.length) choose(shown[0]);
  else detailBox.replaceChildren(make("p", { class: "note" }, "Nothing fits these filters."));
  remember();
}

// Someone turned a filter: what they asked for starts at the top of the list.
function refilter() {
  started = true;
  state.group = -1;
  refresh();
}

function remember() {
  const fields = new URLSearchParams();
  if (state.group >= 0) fields.set("group", page.groups[state.group].id);
  for (const [key, value] of Object.entries(state.facets)) if (value) fields.set("is." + key, value);
  for (const key of ["difficulty", "outcome", "search", "sort"]) if (state[key]) fields.set(key, state[key]);
  if (state.model) fields.set("model", state.model);
  if (started) history.replaceState(null, "", "#" + fields);
}

function recall() {
  const fields = new URLSearchParams(location.hash.slice(1));
  state.facets = {};
  for (const [key, value] of fields) if (key.startsWith("is.")) state.facets[key.slice(3)] = value;
  for (const key of ["difficulty", "outcome", "search", "sort"]) state[key] = fields.get(key) ?? "";
  if (!(state.outcome in outcomes)) state.outcome = "";
  const model = Number(fields.get("model"));
  state.model = page.models[model] ? model : 0;
  const wanted = groupNumber.get(fields.get("group")) ?? -1;
  rebuildScorerFilters();
  state.group = wanted;
  refresh();
  if (wanted < 0) return;
  choose(wanted);
  explorer.scrollIntoView({ behavior: "instant" });
}

function option(value, text) {
  return make("option", { value }, text);
}

function addSelect(label, key, options, read, write) {
  const select = make("select", { "data-key": key, onchange: () => { write(select.value); refilter(); } }, ...options);
  select.read = read;
  find(".filters").append(make("label", { class: key }, make("span", {}, label), select));
}

function buildFilters() {
  if (page.models.length > 1) {
    addSelect("Model", "model", page.models.map((name, i) => option(i, name)), () => state.model, (value) => {
      state.model = Number(value);
      Object.assign(state, { token: null, patch: null });
      rebuildScorerFilters();
    });
  }
  if (page.systems.length) addSelect("Outcome", "outcome", [], () => state.outcome, (value) => { state.outcome = value; });
  for (const facet of page.facets) {
    addSelect(facet.label, "is." + facet.key, [option("", "any"), ...facet.values.map((value) => option(value, value))],
      () => state.facets[facet.key] ?? "", (value) => { state.facets[facet.key] = value; });
  }
  const bins = Object.entries(page.axes).map(([axis, { label, bins }]) =>
    make("optgroup", { label }, ...bins.map((bin, i) => option(`${axis}:${i}`, `${label}: ${bin.label}`))));
  if (bins.length) addSelect("Difficulty", "difficulty", [option("", "any"), ...bins], () => state.difficulty, (value) => { state.difficulty = value; });
  if (page.systems.length) addSelect("Sort by", "sort", [], () => state.sort, (value) => { state.sort = value; });
}

// Outcomes and margins are those of one model's scorers: what another has not is no longer asked for.
function rebuildScorerFilters() {
  if (!page.systems.length) return syncControls();
  const systems = systemsOf(state.model).filter((s) => s.role !== "control");
  const baseline = systems.find((s) => s.role === "baseline"), challenger = systems.find((s) => s.role === "dcsm");
  if (baseline && challenger) {
    outcomes.repaired.label = `wrong without DCSM, right with`;
    outcomes.broken.label = `right without DCSM, wrong with`;
  }
  const possible = Object.entries(outcomes).filter(([, outcome]) => !outcome.needs || (baseline && challenger));
  find("[data-key=outcome]").replaceChildren(...possible.map(([key, outcome]) => option(key, outcome.label)));
  find("[data-key=sort]").replaceChildren(option("", "order of the set"), ...systems.flatMap((s) => [
    option(`${s.index}:1`, `${s.label} margin, worst first`), option(`${s.index}:-1`, `${s.label} margin, best first`)]));
  for (const key of ["outcome", "sort"]) {
    if (![...find(`[data-key=${key}]`).options].some((each) => each.value === state[key])) state[key] = "";
  }
  syncControls();
}

function syncControls() {
  for (const select of explorer.querySelectorAll("select")) {
    select.value = select.read();
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }
  find("[type=search]").value = state.search;
}

function explorerInView() {
  const { top, bottom } = explorer.getBoundingClientRect();
  return explorer.contains(document.activeElement) || (top < innerHeight / 2 && bottom > innerHeight / 2);
}

function stepToken(step) {
  const group = page.groups[state.group];
  const tokens = page.maps[state.model]?.groups[group?.id]?.tokens;
  if (!tokens) return;
  const all = tokens.flatMap((line, caption) => line.map((_, token) => ({ caption, token })));
  const at = state.token ? all.findIndex((t) => t.caption === state.token.caption && t.token === state.token.token) : step > 0 ? -1 : 0;
  change({ patch: null, token: all[(at + step + all.length) % all.length] });
}

const help = document.getElementById("help");
const keys = {
  ArrowDown: () => choose(list.neighbour(1)),
  ArrowUp: () => choose(list.neighbour(-1)),
  j: () => choose(list.neighbour(1)),
  k: () => choose(list.neighbour(-1)),
  ArrowRight: () => stepToken(1),
  ArrowLeft: () => stepToken(-1),
  b: () => change({ boxes: !state.boxes }),
  m: () => change({ masks: !state.masks }),
  Escape: () => change({ token: null, patch: null }),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const typing = event.target.closest("input, select, textarea");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  if (event.key === "/") { event.preventDefault(); explorer.scrollIntoView({ behavior: "instant" }); find("[type=search]").focus({ preventScroll: true }); }
  else if (event.key === "?") help.showModal();
  else if (keys[event.key] && state.group >= 0 && explorerInView()) { event.preventDefault(); started = true; keys[event.key](); }
});

let started = false; // the address is left alone until someone explores
find("[type=search]").addEventListener("input", (event) => { state.search = event.target.value; refilter(); });
find("form").addEventListener("submit", (event) => event.preventDefault());
explorer.addEventListener("click", () => { started = true; }, true);
document.getElementById("help-button").addEventListener("click", () => help.showModal());
help.querySelector("button").addEventListener("click", () => help.close());
addEventListener("hashchange", () => { if (location.hash.includes("=")) recall(); });

const theme = document.getElementById("theme");
theme.addEventListener("click", () => {
  const { dataset } = document.documentElement;
  const now = dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  dataset.theme = now === "dark" ? "light" : "dark";
});

buildFilters();
explorer.hidden = page.groups.length === 0;
recall();
