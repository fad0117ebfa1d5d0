// What the page holds: groups, scores, pictures, maps; and questions one can ask about them.
const pageData = (id) => JSON.parse(document.getElementById(id)?.textContent || "null");
const page = pageData("data");
const pictures = pageData("pictures") || [];
const mapBytes = (pageData("maps") || []).map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));

const groupNumber = new Map(page.groups.map((group, i) => [group.id, i]));
const systemsOf = (model) => page.systems.map((system, i) => ({ ...system, index: i })).filter((s) => s.model === model);

function pictureSource(image) {
  if (image.picture >= 0) return "data:image/webp;base64," + pictures[image.picture];
  return image.link;
}

// Two images, two captions, each true of exactly one: only these have four comparisons to show.
function isFourfold(group) {
  const t = group.truth;
  return t.length === 2 && t[0].length >= 2 && t[0][0] && !t[0][1] && !t[1][0] && t[1][1];
}

// The four comparisons of a group: two for its images (which caption?), two for its captions (which image?).
function comparisons(scores) {
  const [[Aa, Ab], [Ba, Bb]] = scores;
  return [
    { place: "north", of: "caption a", higher: "A", order: Aa - Ba, margin: Aa - Ba },
    { place: "west", of: "image A", higher: "a", order: Aa - Ab, margin: Aa - Ab },
    { place: "east", of: "image B", higher: "b", order: Ba - Bb, margin: Bb - Ba },
    { place: "south", of: "caption b", higher: "B", order: Ab - Bb, margin: Bb - Ab },
  ];
}

const isRight = (group, system) => group.margins[system] > 0; // a tie is a miss

const outcomes = {
  "": { label: "any outcome", test: () => true },
  repaired: { label: "", needs: true, test: (g, a, b) => !isRight(g, a) && isRight(g, b) },
  broken: { label: "", needs: true, test: (g, a, b) => isRight(g, a) && !isRight(g, b) },
  none: { label: "wrong for all", test: (g, a, b, all) => all.every((s) => !isRight(g, s.index)) },
  all: { label: "right for all", test: (g, a, b, all) => all.every((s) => isRight(g, s.index)) },
};

function inBin(value, bin) {
  return value !== undefined && value !== null && value >= bin.low && (bin.last ? value <= bin.high : value < bin.high);
}

function filterGroups(state) {
  const contestants = systemsOf(state.model).filter((s) => s.role !== "control");
  const baseline = contestants.find((s) => s.role === "baseline")?.index;
  const challenger = contestants.find((s) => s.role === "dcsm")?.index;
  const [axis, binNumber] = state.difficulty.split(":");
  const bin = axis && page.axes[axis]?.bins[Number(binNumber)];
  const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  const outcome = outcomes[state.outcome];
  const kept = [];
  page.groups.forEach((group, i) => {
    if (contestants.length && contestants.every((s) => !group.scores[s.index])) return; // this model was not asked
    if (Object.entries(state.facets).some(([key, value]) => value && String(group.facets[key] ?? "") !== value)) return;
    if (bin && !inBin(group.axes[axis], bin)) return;
    if (!outcome.test(group, baseline, challenger, contestants)) return;
    if (words.length && !words.every((word) => group.text.includes(word))) return;
    kept.push(i);
  });
  if (state.sort) {
    const [system, direction] = state.sort.split(":").map(Number);
    kept.sort((a, b) => direction * (page.groups[a].margins[system] - page.groups[b].margins[system]));
  }
  return kept;
}
page.groups.forEach((group) => {
  group.text = (group.id + "\n" + group.captions.map((caption) => caption.text).join("\n")).toLowerCase();
});

// The map of one token over one image's patches, as cosines; null where the report holds none.
function tokenMap(state, group, image, caption, token) {
  const maps = page.maps[state.model];
  const entry = maps?.groups[group.id];
  if (!entry || !entry.tokens[caption] || token >= entry.tokens[caption].length) return null;
  const n = maps.grid[0] * maps.grid[1];
  const before = entry.tokens.slice(0, caption).reduce((sum, tokens) => sum + tokens.length, 0);
  const perImage = entry.tokens.reduce((sum, tokens) => sum + tokens.length, 0);
  const start = entry.offset + (image * perImage + before + token) * n;
  const step = (entry.high - entry.low) / 255;
  return Array.from(mapBytes[state.model].subarray(start, start + n), (byte) => entry.low + byte * step);
}

// A functional word's own map, which the head learned and lays in place of the word's cosines.
function learnedMap(state, group, caption, token) {
  const maps = page.maps[state.model];
  const word = maps?.groups[group.id]?.words?.[caption]?.[token];
  return word === undefined || word === null ? null : { word, values: maps.words[word] };
}
