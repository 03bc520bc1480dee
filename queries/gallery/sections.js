// The sections: which photos and groups each shows, and how its headings and tiles look.

const HEAD = 60;
const FEW = 8; // months with fewer photos are put together
const KINDS = {
  burst: "Burst",
  bracket: "Exposure bracket",
  panorama: "Panorama",
  timelapse: "Time-lapse",
  focus_stack: "Focus stack",
};
const COPIES = { identical: "Identical files", same: "The same picture", similar: "Similar pictures" };

const state = { section: "photos", words: [], row: 0, tile: 0, opened: new Set(), order: [] };
const list = new Rows(byId("view"), byId("rows"), drawRow);

const has = (photos) => photos.some((photo) => matches(photo, state.words));

const sections = {
  photos: {
    title: "Photos",
    all: () => leads.length,
    found: () => leads.filter((photo) => matches(photo, state.words)),
    rows: photoRows,
  },
  bursts: {
    title: "Bursts",
    all: () => data.bursts.length,
    found: () => data.bursts.filter((burst) => has(burst.photos)),
    rows: burstRows,
  },
  duplicates: {
    title: "Duplicates",
    all: () => data.duplicates.length,
    found: () => data.duplicates.filter((group) => has(group.photos)),
    rows: duplicateRows,
  },
  clusters: {
    title: "Clusters",
    all: () => data.clusters.length,
    found: () => data.clusters.filter((cluster) => has(cluster.photos)),
    rows: clusterRows,
  },
  map: {
    title: "Map",
    all: () => data.map.photos.length,
    found: () => data.map.photos.filter((photo) => matches(photo, state.words)),
    rows: () => [],
  },
};
const names = Object.keys(sections).filter((name) => name === "photos" || sections[name].all() > 0);

const isNarrow = () => byId("view").clientWidth < 600;
const roomWidth = () => byId("rows").clientWidth;
const head = (title, note = "", actions = []) => ({ kind: "head", title, note, actions, height: HEAD });
const copying = (label, photos, what) => ({ label, kind: "copy", act: () => copyPaths(photos, what) });

function photoRows(photos) {
  const rows = [];
  const tall = isNarrow() ? 110 : 190;
  for (const months of monthsOf(photos)) {
    const ends = [monthOf(months.at(-1)), monthOf(months[0])];
    rows.push(head([...new Set(ends)].join(" – "), many(months.length, "photo")));
    rows.push(...linesOf(months.map((photo) => ({ photo })), { width: roomWidth(), height: tall }));
  }
  return rows;
}

/** Part photos by month. Neighbouring months with few photos stay together; photos without a date never join them. */
function monthsOf(photos) {
  const groups = [];
  for (const photo of photos) {
    const group = groups.at(-1);
    const isSame = group && monthOf(group.at(-1)) === monthOf(photo);
    const joins = group && group.length < FEW && columns.time[photo] !== null;
    if (isSame || joins) group.push(photo);
    else groups.push([photo]);
  }
  return groups;
}

/** Lines of photos with words below: few photos are shown larger. */
function explained(tiles, words) {
  const size = isNarrow() ? { height: 130, most: 220 } : { height: 190, most: 300 };
  return linesOf(tiles, { width: roomWidth(), gap: 12, words, ...size });
}

const othersOf = (burst) => burst.photos.filter((photo) => !burst.keep.includes(photo));

function burstRows(bursts) {
  const picked = bursts.filter((burst) => burst.pick >= 0);
  const rows = [];
  if (picked.length) {
    const picks = picked.flatMap((burst) => burst.keep);
    const others = picked.flatMap(othersOf);
    rows.push(
      head("", `${many(picked.length, "burst")}, a pick of each; of close calls both are kept.`, [
        copying("Copy picks", picks, "of picks"),
        copying("Copy the others", others, "of frames that were not picked"),
      ]),
    );
  }
  for (const burst of bursts) {
    const kind = KINDS[burst.kind] || burst.kind;
    const close = burst.close ? "too close to call" : "";
    const everyone = burst.everyone.map((photo) => columns.name[photo]).join(", ");
    const open = burst.everyone.length > 1 ? `everyone's eyes are open at least once in ${everyone}` : "";
    const hidden = burst.picked && burst.pick < 0 ? "no pick among these" : "";
    const note = [many(burst.photos.length, "frame"), dayOf(burst.photos[0]), close, open, hidden].filter(Boolean).join(" · ");
    const others = othersOf(burst);
    const actions = burst.pick >= 0 && others.length ? [copying("Copy the others", others, "of frames not picked")] : [];
    rows.push(head(kind, note, actions));
    const tiles = burst.photos.map((photo, place) => ({
      photo,
      badge: place === burst.pick ? "Pick" : !burst.keep.includes(photo) ? null : burst.close ? "As good" : "Keep",
      chosen: burst.keep.includes(photo),
      caption: burst.reasons[place],
    }));
    rows.push(...explained(tiles, 54));
  }
  return rows;
}

function duplicateRows(groups) {
  const rows = [];
  const others = groups.flatMap((group) => group.extra);
  if (others.length) {
    const note = `${many(others.length, "file")} beside the ones to keep; similar pictures are not counted.`;
    rows.push(head("", note, [copying("Copy what could go", others, "of copies")]));
  }
  for (const group of groups) {
    const isShown = group.keep.length > 0;
    const actions = group.extra.length ? [copying("Copy the others", group.extra, "beside the one to keep")] : [];
    const note = many(group.photos.length, "file") + (isShown ? "" : " · the one to keep is not among these");
    rows.push(head(COPIES[group.kind] || group.kind, note, actions));
    const tiles = group.photos.map((photo, place) => ({
      photo,
      badge: group.keep.includes(photo) ? "Keep" : null,
      chosen: group.keep.includes(photo),
      caption: [group.reasons[place], columns.name[photo], columns.folder[photo]].filter(Boolean).join(" · "),
    }));
    rows.push(...explained(tiles, 71));
  }
  return rows;
}

function clusterRows(clusters) {
  const tall = isNarrow() ? 100 : 150;
  const rows = [];
  if (clusters.length > 1) {
    const best = clusters.map((cluster) => cluster.best).filter((photo) => photo >= 0);
    const actions = best.length ? [copying("Copy the best of each", best, "of the best")] : [];
    rows.push(head("", `${many(clusters.length, "group")} of photos that look alike.`, actions));
  }
  for (const cluster of clusters) {
    const photos = cluster.photos.filter((photo) => matches(photo, state.words));
    const shown = photos.length ? photos : cluster.photos;
    const tiles = shown.map((photo) => ({ photo, badge: photo === cluster.best && shown.length > 2 ? "Best" : null }));
    const lines = linesOf(tiles, { width: roomWidth(), height: tall });
    const isOpen = state.opened.has(cluster.id);
    const toggle = {
      label: isOpen ? "Show fewer" : "Show all",
      act: () => {
        if (!state.opened.delete(cluster.id)) state.opened.add(cluster.id);
        refresh();
      },
    };
    const actions = [copying("Copy paths", shown, "of this cluster")];
    if (lines.length > 2) actions.unshift(toggle);
    rows.push(head(cluster.label || "Unnamed", many(shown.length, "photo"), actions));
    rows.push(...(isOpen ? lines : lines.slice(0, 2)));
  }
  return rows;
}

function drawRow(row, number) {
  if (row.kind === "head") {
    const actions = row.actions.map((each) =>
      make("button", { type: "button", class: `act ${each.kind || ""}`, text: each.label, onclick: each.act }),
    );
    const title = row.title ? make("h2", { text: row.title, dir: "auto" }) : null;
    const note = make("p", { text: row.note });
    return make("div", { class: row.title ? "row head" : "row head lead" }, title, note, make("div", { class: "acts" }, ...actions));
  }
  return make("div", { class: state.section === "duplicates" ? "row three" : "row" }, ...row.tiles.map((tile, place) => drawTile(tile, number, place)));
}

function drawTile(tile, row, place) {
  const isCurrent = row === state.row && place === state.tile;
  const button = make("button", {
    type: "button",
    class: `tile${tile.chosen ? " chosen" : ""}`,
    tabIndex: isCurrent ? 0 : -1,
    title: columns.name[tile.photo],
    onclick: () => {
      moveTo(row, place, false);
      openDetail(tile.photo);
    },
    onfocus: () => moveTo(row, place, false),
  });
  button.dataset.photo = String(tile.photo);
  button.style.left = `${tile.x}px`;
  button.style.width = `${tile.width}px`;
  const picture = make("span", { class: "picture" }, drawPicture(tile.photo));
  picture.style.height = `${tile.height}px`;
  const files = (mates.get(tile.photo) || []).length;
  if (files && !tile.caption) picture.append(make("span", { class: "count", text: `+${files}`, title: many(files, "more file") }));
  if (tile.badge) picture.append(make("span", { class: "badge", text: tile.badge }));
  button.append(picture);
  if (tile.caption) button.append(make("span", { class: "caption", text: tile.caption, title: tile.caption, dir: "auto" }));
  if (isCurrent) button.classList.add("current");
  return button;
}

function drawPicture(photo) {
  const url = thumbnail(photo);
  const missing = make("span", { class: "missing", text: columns.name[photo], dir: "auto" });
  if (url === null) return missing;
  const image = make("img", { src: url, alt: described(photo), loading: "lazy", decoding: "async", draggable: false });
  image.addEventListener("error", () => image.replaceWith(missing));
  return image;
}

/** Make a tile the one that keys act on. */
function moveTo(row, place, focus = true) {
  const before = list.box.querySelector(".tile.current");
  if (before) {
    before.classList.remove("current");
    before.tabIndex = -1;
  }
  state.row = row;
  state.tile = place;
  if (focus) list.reveal(row);
  const line = list.drawn.get(row);
  const tile = line ? line.querySelectorAll(".tile")[place] : null;
  if (!tile) return;
  tile.classList.add("current");
  tile.tabIndex = 0;
  if (focus) tile.focus({ preventScroll: true });
}

const currentTile = () => {
  const row = list.rows[state.row];
  return row && row.kind === "tiles" ? row.tiles[state.tile] : undefined;
};

function firstTile() {
  state.row = Math.max(0, list.rows.findIndex((row) => row.kind === "tiles"));
  state.tile = 0;
}

/** Show the section again: after a filter, a new width, or thumbnails that have come. */
function refresh() {
  const section = sections[state.section];
  const isMap = state.section === "map";
  byId("view").hidden = isMap;
  byId("map").hidden = !isMap;
  const found = section.found();
  for (const tab of byId("tabs").children) {
    const count = sections[tab.dataset.name].found().length;
    tab.setAttribute("aria-selected", String(tab.dataset.name === state.section));
    tab.tabIndex = tab.dataset.name === state.section ? 0 : -1;
    tab.querySelector(".number").textContent = count.toLocaleString("en");
  }
  byId("empty").hidden = isMap || found.length > 0;
  byId("empty").textContent = "Nothing here has all these words.";
  if (isMap) {
    plane.show(new Set(found));
    return;
  }
  const anchor = currentTile();
  list.set(section.rows(found));
  state.order = list.rows.flatMap((row) => (row.kind === "tiles" ? row.tiles.map((tile) => tile.photo) : []));
  const row = anchor ? list.rows.findIndex((each) => each.kind === "tiles" && each.tiles.some((t) => t.photo === anchor.photo)) : -1;
  if (row >= 0) {
    state.row = row;
    state.tile = list.rows[row].tiles.findIndex((tile) => tile.photo === anchor.photo);
  } else firstTile();
  list.clear();
}

function choose(name, focus = true) {
  if (!names.includes(name)) return;
  state.section = name;
  byId("view").setAttribute("aria-label", sections[name].title);
  list.rows = [];
  refresh();
  byId("view").scrollTop = 0;
  list.update();
  history.replaceState(null, "", `#${name}`);
  if (focus) byId(name === "map" ? "plane" : "view").focus({ preventScroll: true });
}
