// Panes that show frames at one zoom and one place: what is looked at stays where it is from frame to frame.

import { make, picture } from "/api.js";

/** The place in shares of the picture, and whether it is shown at 100 %. All panes share it. */
export const look = { close: false, x: 0.5, y: 0.5 };
const shownPanes = new Set();
let fullWidth = 0;

export class Pane {
  constructor(label) {
    this.image = make("img", { alt: "", draggable: false });
    this.note = make("p", { class: "note", hidden: true });
    this.caption = make("figcaption", {});
    this.glass = make("div", { class: "glass" }, this.image, this.note);
    this.element = make("figure", { class: "pane", "aria-label": label }, this.glass, this.caption);
    this.content = null;
    this.observer = new ResizeObserver(() => this.lay());
    this.observer.observe(this.glass);
    this.glass.addEventListener("pointerdown", (event) => this.drag(event));
    this.glass.addEventListener("dblclick", (event) => this.aim(event));
    shownPanes.add(this);
  }

  close() {
    this.observer.disconnect();
    shownPanes.delete(this);
    this.element.remove();
  }

  /** Show a frame: its thumbnail at once, then the working size, and at 100 % the original. */
  async show(content, alt) {
    const isNew = content !== this.content;
    this.content = content;
    this.image.alt = alt;
    this.note.hidden = true;
    try {
      if (isNew || !this.image.src) {
        const work = await picture(content, "work");
        if (content !== this.content) return;
        this.put(work);
      }
      if (look.close) {
        const full = await picture(content, "full");
        if (content !== this.content || !look.close) return;
        fullWidth = full.naturalWidth;
        this.put(full);
      }
    } catch (error) {
      if (content !== this.content) return;
      this.note.textContent = error.message;
      this.note.hidden = false;
    }
  }

  put(image) {
    this.image.src = image.src;
    this.size = [image.naturalWidth, image.naturalHeight];
    this.lay();
  }

  lay() {
    if (!this.size) return;
    const { clientWidth: width, clientHeight: height } = this.glass;
    const [w, h] = this.size;
    const fit = Math.min(width / w, height / h);
    const scale = look.close ? Math.max(fit, Math.max(fullWidth, w) / w / devicePixelRatio) : fit;
    const place = (size, room, at) => (size * scale <= room ? (room - size * scale) / 2 : room / 2 - at * size * scale);
    this.place = { x: place(w, width, look.x), y: place(h, height, look.y), scale };
    this.image.style.width = `${w}px`;
    this.image.style.height = `${h}px`;
    this.image.style.transform = `translate(${this.place.x}px, ${this.place.y}px) scale(${scale})`;
    this.glass.classList.toggle("close", look.close);
    this.glass.dataset.place = `${look.close ? "100" : "fit"} ${look.x.toFixed(3)} ${look.y.toFixed(3)}`;
  }

  drag(event) {
    if (!look.close || event.button) return;
    const [x, y] = [event.clientX, event.clientY];
    const from = { ...look };
    const [w, h] = this.size.map((side) => side * this.place.scale);
    const move = (moved) => {
      look.x = Math.min(1, Math.max(0, from.x - (moved.clientX - x) / w));
      look.y = Math.min(1, Math.max(0, from.y - (moved.clientY - y) / h));
      layAll();
    };
    this.glass.setPointerCapture(event.pointerId);
    this.glass.addEventListener("pointermove", move);
    this.glass.addEventListener("pointerup", () => this.glass.removeEventListener("pointermove", move), { once: true });
  }

  aim(event) {
    if (!this.size) return;
    const box = this.glass.getBoundingClientRect();
    const [w, h] = this.size;
    look.x = (event.clientX - box.left - this.place.x) / this.place.scale / w;
    look.y = (event.clientY - box.top - this.place.y) / this.place.scale / h;
    setClose(!look.close);
  }
}

export const layAll = () => shownPanes.forEach((pane) => pane.lay());

export function setClose(close) {
  look.close = close;
  layAll();
  for (const pane of shownPanes) if (pane.content) pane.show(pane.content, pane.image.alt);
}

const GRID = 24;

/** Find where a picture has most fine detail, as shares of its sides. */
export function sharpest(image) {
  const side = 480;
  const canvas = make("canvas", { width: side, height: side });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0, side, side);
  const { data } = pen.getImageData(0, 0, side, side);
  const sums = new Float64Array(GRID * GRID);
  const step = side / GRID;
  for (let y = 1; y < side - 1; y += 1)
    for (let x = 1; x < side - 1; x += 1) {
      const at = (y * side + x) * 4 + 1;
      const detail = 4 * data[at] - data[at - 4] - data[at + 4] - data[at - 4 * side] - data[at + 4 * side];
      sums[Math.floor(y / step) * GRID + Math.floor(x / step)] += detail * detail;
    }
  const best = sums.indexOf(Math.max(...sums));
  return [((best % GRID) + 0.5) / GRID, (Math.floor(best / GRID) + 0.5) / GRID];
}

/** Draw the part of a picture in a box (left, top, width, height as shares), with some room around, as a square. */
export function closeUp(image, [left, top, width, height], side) {
  const [w, h] = [image.naturalWidth, image.naturalHeight];
  const size = 1.5 * Math.max(width * w, height * h);
  const canvas = make("canvas", { width: side, height: side });
  const [x, y] = [(left + width / 2) * w - size / 2, (top + height / 2) * h - size / 2];
  canvas.getContext("2d").drawImage(image, x, y, size, size, 0, 0, side, side);
  return canvas;
}
