// The map: every photo where the layout put it, as a point, or as its thumbnail where there is room.

const CELL = 54; // pixels between thumbnails, at least
const THUMB = 50;
const NEAR = 26; // pixels within which a point is pointed at
const CLOSEST = 400; // the largest scale, as a multiple of the one that shows all
const LABELS = 14;
const EDGE = 100; // pixels left free on both sides together
const PICTURED = 1.5; // from this multiple of the whole on, photos are drawn as pictures

const plane = {
  canvas: byId("plane"),
  scale: 0, // pixels for the whole width of the map; 0 before it was ever seen
  tall: 1, // its height as a multiple of that
  left: 0,
  top: 0,
  seen: new Set(),
  pointed: -1,
  thumbs: [], // what is drawn as a picture: place in data.map, x, y, width, height
  pictures: new Map(),
  pointers: new Map(),

  show(seen) {
    this.seen = seen;
    if (this.scale === 0) this.fit();
    else this.ask();
  },

  size() {
    const box = this.canvas.getBoundingClientRect();
    return [box.width, box.height];
  },

  /** The scale that shows all. */
  whole() {
    const [width, height] = this.size();
    return Math.max(50, Math.min(width - EDGE, (height - EDGE) / this.tall));
  },

  fit() {
    const [width, height] = this.size();
    this.tall = Math.min(1.8, Math.max(0.5, (height - EDGE) / (width - EDGE)));
    this.scale = this.whole();
    this.left = (width - this.scale) / 2;
    this.top = (height - this.scale * this.tall) / 2;
    this.ask();
  },

  zoom(by, x, y) {
    const whole = this.whole();
    const next = Math.min(whole * CLOSEST, Math.max(whole * 0.5, this.scale * by));
    this.left = x - ((x - this.left) * next) / this.scale;
    this.top = y - ((y - this.top) * next) / this.scale;
    this.scale = next;
    this.ask();
  },

  pan(x, y) {
    this.left += x;
    this.top += y;
    this.ask();
  },

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      if (!byId("map").hidden) this.draw();
    });
  },

  x: (at) => plane.left + (data.map.x[at] / 1e5) * plane.scale,
  y: (at) => plane.top + (data.map.y[at] / 1e5) * plane.scale * plane.tall,

  draw() {
    const [width, height] = this.size();
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const inside = [];
    data.map.photos.forEach((_photo, at) => {
      const [x, y] = [this.x(at), this.y(at)];
      if (x > -CELL && y > -CELL && x < width + CELL && y < height + CELL) inside.push(at);
    });
    this.choose(inside);
    this.drawPoints(pen, inside);
    this.drawThumbs(pen);
    if (!this.thumbs.length) this.drawLabels(pen, width, height);
    this.drawPointed(pen);
  },

  /** Choose which photos are drawn as pictures: one in each cell of a grid that moves and grows with the map. */
  choose(inside) {
    const cells = new Set();
    const steps = 2 ** Math.floor(Math.log2(this.scale));
    const [wide, high] = [steps / CELL / 1e5, (steps / CELL / 1e5) * this.tall];
    const grown = this.scale / steps;
    this.thumbs = [];
    if (this.scale < this.whole() * PICTURED) return;
    for (const at of inside) {
      const photo = data.map.photos[at];
      if (!this.seen.has(photo) || columns.thumb[photo] < 0) continue;
      const cell = `${Math.floor(data.map.x[at] * wide)} ${Math.floor(data.map.y[at] * high)}`;
      if (cells.has(cell)) continue;
      cells.add(cell);
      const aspect = columns.aspect[photo];
      const [w, h] = aspect > 1 ? [THUMB, THUMB / aspect] : [THUMB * aspect, THUMB];
      this.thumbs.push({ at, x: this.x(at), y: this.y(at), w: w * grown, h: h * grown });
    }
  },

  drawPoints(pen, inside) {
    const dark = isDark();
    const groups = new Map();
    const pictured = new Set(this.thumbs.map((thumb) => thumb.at));
    for (const at of inside) {
      if (pictured.has(at)) continue;
      const photo = data.map.photos[at];
      const cluster = this.seen.has(photo) ? (clusterOf.has(photo) ? clusterOf.get(photo) : -1) : -2;
      if (!groups.has(cluster)) groups.set(cluster, []);
      groups.get(cluster).push(at);
    }
    const radius = Math.min(5, 2.2 * Math.sqrt(this.scale / this.whole()));
    for (const [cluster, members] of [...groups].sort((a, b) => a[0] - b[0])) {
      pen.beginPath();
      for (const at of members) {
        const [x, y] = [this.x(at), this.y(at)];
        pen.moveTo(x + radius, y);
        pen.arc(x, y, radius, 0, 7);
      }
      pen.globalAlpha = cluster === -2 ? 0.12 : cluster === -1 ? 0.45 : 0.85;
      pen.fillStyle = cluster < 0 ? (dark ? "#999" : "#777") : `hsl(${(cluster * 137.5) % 360} 48% ${dark ? 62 : 46}%)`;
      pen.fill();
    }
    pen.globalAlpha = 1;
  },

  drawThumbs(pen) {
    for (const thumb of this.thumbs) {
      const image = this.picture(data.map.photos[thumb.at]);
      const [left, top] = [thumb.x - thumb.w / 2, thumb.y - thumb.h / 2];
      if (image.complete && image.naturalWidth) pen.drawImage(image, left, top, thumb.w, thumb.h);
      else {
        pen.fillStyle = "#8884";
        pen.fillRect(left, top, thumb.w, thumb.h);
      }
    }
  },

  picture(photo) {
    let image = this.pictures.get(photo);
    if (image === undefined) {
      image = new Image();
      image.onload = () => this.ask();
      image.src = thumbnail(photo) || "data:,";
    } else this.pictures.delete(photo); // and to the end: the first in the map is the one unseen for longest
    this.pictures.set(photo, image);
    if (this.pictures.size > 1500) this.pictures.delete(this.pictures.keys().next().value);
    return image;
  },

  /** Write the names of the largest clusters at their middle, where they don't cover each other. */
  drawLabels(pen, width, height) {
    const style = getComputedStyle(this.canvas);
    pen.font = `600 13px ${style.fontFamily}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.lineWidth = 4;
    pen.strokeStyle = style.backgroundColor;
    pen.fillStyle = style.color;
    const written = [];
    for (const { label, x, y } of this.middles()) {
      const [px, py] = [this.left + (x / 1e5) * this.scale, this.top + (y / 1e5) * this.scale * this.tall];
      const half = pen.measureText(label).width / 2;
      const covers = written.some((other) => Math.abs(other.px - px) < other.half + half + 8 && Math.abs(other.py - py) < 20);
      if (covers || px < half || px > width - half || py < 10 || py > height - 10) continue;
      written.push({ px, py, half });
      pen.strokeText(label, px, py);
      pen.fillText(label, px, py);
      if (written.length === LABELS) return;
    }
  },

  middles() {
    this.found ||= data.clusters
      .map((cluster) => ({ label: cluster.label, at: cluster.photos.map((photo) => mapAt.get(photo)).filter((at) => at !== undefined) }))
      .filter(({ label, at }) => label && at.length)
      .sort((a, b) => b.at.length - a.at.length)
      .map(({ label, at }) => ({ label, x: middle(at.map((each) => data.map.x[each])), y: middle(at.map((each) => data.map.y[each])) }));
    return this.found;
  },

  drawPointed(pen) {
    const hint = byId("hint");
    if (this.pointed < 0) {
      hint.textContent = `${many(data.map.photos.length, "photo")}; those that look alike lie near each other`;
      return;
    }
    const photo = data.map.photos[this.pointed];
    const drawn = this.thumbs.find((thumb) => thumb.at === this.pointed);
    const [x, y] = [this.x(this.pointed), this.y(this.pointed)];
    pen.strokeStyle = getComputedStyle(this.canvas).color;
    pen.lineWidth = 2;
    if (drawn) pen.strokeRect(x - drawn.w / 2 - 1, y - drawn.h / 2 - 1, drawn.w + 2, drawn.h + 2);
    else {
      const image = this.picture(photo);
      const tall = 96;
      const wide = tall * columns.aspect[photo];
      if (image.complete && image.naturalWidth) {
        pen.drawImage(image, x - wide / 2, y - tall - 10, wide, tall);
        pen.lineWidth = 1;
        pen.strokeRect(x - wide / 2, y - tall - 10, wide, tall);
      }
      pen.beginPath();
      pen.arc(x, y, 6, 0, 7);
      pen.stroke();
    }
    hint.textContent = described(photo);
  },

  /** Give the place in data.map of what is at a point of the canvas; -1 for nothing. */
  under(x, y, near = NEAR) {
    for (const thumb of this.thumbs) {
      if (Math.abs(thumb.x - x) <= thumb.w / 2 && Math.abs(thumb.y - y) <= thumb.h / 2) return thumb.at;
    }
    let best = -1;
    let nearest = near * near;
    data.map.photos.forEach((photo, at) => {
      const distance = (this.x(at) - x) ** 2 + (this.y(at) - y) ** 2;
      if (distance < nearest && this.seen.has(photo)) [best, nearest] = [at, distance];
    });
    return best;
  },

  point(at) {
    if (at === this.pointed) return;
    this.pointed = at;
    this.canvas.style.cursor = at < 0 ? "grab" : "pointer";
    this.canvas.setAttribute("aria-label", at < 0 ? "Map" : described(data.map.photos[at]));
    this.ask();
  },

  /** Keys move the map; what comes nearest to the middle is pointed at. */
  key(key) {
    const [width, height] = this.size();
    const far = Math.min(width, height) / 6;
    const moves = { ArrowLeft: [far, 0], ArrowRight: [-far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
    if (key in moves) this.pan(...moves[key]);
    else if (key === "+" || key === "=") this.zoom(1.6, width / 2, height / 2);
    else if (key === "-") this.zoom(1 / 1.6, width / 2, height / 2);
    else if (key === "0") this.fit();
    else if (key === "Enter") {
      if (this.pointed >= 0) this.open(this.pointed);
      return true;
    } else return false;
    this.point(this.under(width / 2, height / 2, Infinity));
    return true;
  },

  /** Show a photo; the next ones are those nearest to it on the map. */
  open(at) {
    const [x, y] = [data.map.x[at], data.map.y[at]];
    const far = (other) => (data.map.x[other] - x) ** 2 + (data.map.y[other] - y) ** 2;
    const near = data.map.photos.map((_photo, other) => [far(other), other]).sort((a, b) => a[0] - b[0]);
    openDetail(data.map.photos[at], near.slice(0, 200).map(([, other]) => data.map.photos[other]));
  },
};

const mapAt = new Map(data.map.photos.map((photo, at) => [photo, at]));
const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const on = (name, act, settings) => plane.canvas.addEventListener(name, act, settings);
const placeOf = (event) => {
  const box = plane.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
on("wheel", (event) => {
  event.preventDefault();
  plane.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...placeOf(event));
}, { passive: false });
on("pointerdown", (event) => {
  plane.canvas.setPointerCapture(event.pointerId);
  plane.pointers.set(event.pointerId, placeOf(event));
  plane.moved = plane.pointers.size > 1 ? Infinity : 0;
});
on("pointermove", (event) => {
  const [x, y] = placeOf(event);
  const before = plane.pointers.get(event.pointerId);
  if (before === undefined) return plane.point(plane.under(x, y));
  const other = [...plane.pointers].find(([id]) => id !== event.pointerId);
  if (other === undefined) {
    plane.moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    if (plane.moved > 4) plane.pan(x - before[0], y - before[1]);
  } else {
    const [ox, oy] = other[1];
    plane.zoom(Math.hypot(x - ox, y - oy) / Math.max(1, Math.hypot(before[0] - ox, before[1] - oy)), ox, oy);
  }
  if (plane.moved > 4 || other !== undefined) plane.pointers.set(event.pointerId, [x, y]);
});
on("pointerup", (event) => {
  plane.pointers.delete(event.pointerId);
  const at = plane.under(...placeOf(event));
  if (plane.moved <= 4 && at >= 0) plane.open(at);
});
on("pointercancel", (event) => plane.pointers.delete(event.pointerId));
on("pointerleave", () => plane.point(-1));
byId("zoom").addEventListener("click", (event) => {
  const by = Number(event.target.dataset.by);
  const [width, height] = plane.size();
  if (by) plane.zoom(by, width / 2, height / 2);
  else if (by === 0) plane.fit();
});
