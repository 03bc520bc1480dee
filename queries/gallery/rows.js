// Rows of photos, of which only those in sight are in the document. All heights are known before anything is drawn.

const GAP = 4;
const AHEAD = 600; // pixels above and below the window that are drawn too

/** A list of rows in a box that scrolls: headings and lines of tiles. */
class Rows {
  constructor(view, box, draw) {
    this.view = view;
    this.box = box;
    this.draw = draw;
    this.rows = [];
    this.drawn = new Map();
    view.addEventListener("scroll", () => this.ask(), { passive: true });
  }

  /** Show other rows: each has a height, and a kind with what it is about. */
  set(rows) {
    let y = 0;
    for (const row of rows) {
      row.y = y;
      y += row.height;
    }
    this.rows = rows;
    this.box.style.height = `${y}px`;
    this.clear();
  }

  clear() {
    this.drawn.forEach((element) => element.remove());
    this.drawn.clear();
    this.update();
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.update();
    });
  }

  update() {
    const top = this.view.scrollTop - AHEAD;
    const bottom = this.view.scrollTop + this.view.clientHeight + AHEAD;
    const first = this.at(top);
    let last = first;
    while (last < this.rows.length && this.rows[last].y < bottom) last += 1;
    for (const [number, element] of this.drawn) {
      if (number < first || number >= last) {
        element.remove();
        this.drawn.delete(number);
      }
    }
    for (let number = first; number < last; number += 1) {
      if (this.drawn.has(number)) continue;
      const row = this.rows[number];
      const element = this.draw(row, number);
      element.style.top = `${row.y}px`;
      element.style.height = `${row.height}px`;
      this.drawn.set(number, element);
      this.box.insertBefore(element, this.after(number));
    }
  }

  /** Give the drawn element that follows, so that Tab and screen readers meet rows in their order. */
  after(number) {
    let found = null;
    let nearest = Infinity;
    for (const [other, element] of this.drawn) {
      if (other > number && other < nearest) [found, nearest] = [element, other];
    }
    return found;
  }

  /** Give the number of the row at this height. */
  at(y) {
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].y <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  /** Scroll so far that a row is seen whole. */
  reveal(number) {
    const row = this.rows[number];
    const above = number > 0 && this.rows[number - 1].kind === "head" ? this.rows[number - 1].y : row.y;
    if (above < this.view.scrollTop) this.view.scrollTop = above;
    const bottom = row.y + row.height + GAP;
    if (bottom > this.view.scrollTop + this.view.clientHeight) this.view.scrollTop = bottom - this.view.clientHeight;
    this.update();
  }
}

/** Fill lines of equal width, each as high as its photos make it, near `height`; `words` pixels stay free below them.
 *
 * The last line keeps the height of the one above; a single line may grow up to `most`.
 */
function linesOf(tiles, { width, height, most = height, gap = GAP, words = 0 }) {
  const [narrow, wide] = words ? [0.75, 1.8] : [0.55, 2.6]; // what is more is cut off at the sides
  const shape = (tile) => Math.min(wide, Math.max(narrow, columns.aspect[tile.photo]));
  const lines = [];
  let line = [];
  let sum = 0;
  const close = (tall) => {
    let x = 0;
    for (const tile of line) {
      tile.x = x;
      tile.width = shape(tile) * tall;
      tile.height = tall;
      x += tile.width + gap;
    }
    lines.push({ kind: "tiles", height: tall + (words || gap), tiles: line });
    line = [];
    sum = 0;
  };
  const fitting = () => (width - gap * (line.length - 1)) / sum;
  for (const tile of tiles) {
    line.push(tile);
    sum += shape(tile);
    if (fitting() <= height) close(fitting());
  }
  if (line.length) close(Math.min(lines.length ? lines.at(-1).tiles[0].height : most, fitting()));
  return lines;
}
