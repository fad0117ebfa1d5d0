// What is laid over a picture: a token's map, boxes, masks, and the patch that was chosen.
const viridis = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];

function heatColor(fraction) {
  const at = Math.min(0.9999, Math.max(0, fraction)) * (viridis.length - 1);
  const i = Math.floor(at);
  return viridis[i].map((start, channel) => Math.round(start + (at - i) * (viridis[i + 1][channel] - start)));
}

function drawHeat(canvas, values, grid, low, high) {
  [canvas.height, canvas.width] = grid;
  const context = canvas.getContext("2d");
  const cells = context.createImageData(grid[1], grid[0]);
  values.forEach((value, i) => {
    const fraction = high > low ? (value - low) / (high - low) : 0.5;
    cells.data.set([...heatColor(fraction), 165], 4 * i);
  });
  context.putImageData(cells, 0, 0);
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const objectColors = ["#e69f00", "#56b4e9", "#cc79a7", "#009e73", "#f0e442", "#d55e00", "#0072b2"];

function drawBoxes(image) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("class", "boxes");
  svg.setAttribute("aria-hidden", "true");
  image.objects.forEach((object, i) => {
    const [x0, y0, x1, y1] = object.box;
    const box = document.createElementNS(namespace, "rect");
    const name = document.createElementNS(namespace, "text");
    const place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
    for (const [key, value] of Object.entries(place)) box.setAttribute(key, 100 * value + "%");
    box.setAttribute("stroke", objectColors[i % objectColors.length]);
    name.setAttribute("x", 100 * x0 + "%");
    name.setAttribute("y", 100 * y0 + "%");
    name.setAttribute("dy", y0 > 0.06 ? "-4" : "12");
    name.textContent = object.label;
    svg.append(box, name);
  });
  return svg;
}

// What a model looks at of a picture that is not square, in shares of it: its middle, all of it made square, or all of
// it with room at the sides.
function squareSeen(picture, fit) {
  const { naturalWidth: width, naturalHeight: height } = picture;
  if (fit === "squash" || !width || !height) return { left: 0, top: 0, width: 1, height: 1 };
  const side = fit === "pad" ? Math.max(width, height) : Math.min(width, height);
  return { left: (width - side) / 2 / width, top: (height - side) / 2 / height, width: side / width, height: side / height };
}

function placeOver(element, picture, fit) {
  for (const [name, value] of Object.entries(squareSeen(picture, fit))) element.style[name] = 100 * value + "%";
}

function patchAt(event, stage, picture, { grid, fit }) {
  const frame = stage.getBoundingClientRect();
  const square = squareSeen(picture, fit);
  const x = ((event.clientX - frame.left) / frame.width - square.left) / square.width;
  const y = ((event.clientY - frame.top) / frame.height - square.top) / square.height;
  if (x < 0 || x >= 1 || y < 0 || y >= 1) return null;
  return Math.floor(y * grid[0]) * grid[1] + Math.floor(x * grid[1]);
}
