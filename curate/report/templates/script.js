"use strict";
(() => {
  const data = JSON.parse(document.getElementById("matrices").textContent);
  const tip = document.getElementById("tip");
  const dialog = document.getElementById("look");

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const cellAt = (stage, event) => {
    const [left, top, right, bottom] = JSON.parse(stage.dataset.box);
    const classes = JSON.parse(stage.dataset.classes);
    const frame = stage.firstElementChild.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width - left) / (right - left);
    const y = ((event.clientY - frame.top) / frame.height - top) / (bottom - top);
    if (x < 0 || x >= 1 || y < 0 || y >= 1) return null;
    const column = Math.floor(x * classes.length), row = Math.floor(y * classes.length);
    return { row, column, size: classes.length, label: classes[row], predicted: classes[column],
             box: [left, top, right, bottom], frame };
  };

  const facts = (stage, cell) => {
    const one = data[stage.dataset.attribute];
    const n = one.cells[cell.label + "-" + cell.predicted] || 0;
    const share = one.support[cell.label] ? Math.round(100 * n / one.support[cell.label]) : 0;
    return { n, share, label: one.names[cell.label], predicted: one.names[cell.predicted] };
  };

  const sentence = (shown) => shown.label === shown.predicted
    ? `${shown.label}: ${shown.n} predicted right (${shown.share} %)`
    : `${shown.label}, predicted ${shown.predicted}: ${shown.n} (${shown.share} % of the label)`;

  const hide = (stage) => {
    tip.hidden = true;
    const mark = stage.querySelector(".mark");
    if (mark) mark.remove();
  };

  const show = (stage, event) => {
    const cell = cellAt(stage, event);
    if (!cell) return hide(stage);
    const [left, top, right, bottom] = cell.box;
    const mark = stage.querySelector(".mark") || stage.appendChild(element("div", "mark"));
    const width = cell.frame.width * (right - left) / cell.size;
    const height = cell.frame.height * (bottom - top) / cell.size;
    mark.style.cssText = `left:${cell.frame.width * left + cell.column * width}px;` +
      `top:${cell.frame.height * top + cell.row * height}px;width:${width}px;height:${height}px`;
    tip.textContent = sentence(facts(stage, cell));
    tip.hidden = false;
    const space = tip.getBoundingClientRect();
    tip.style.left = Math.max(8, Math.min(event.clientX + 14, innerWidth - space.width - 8)) + "px";
    tip.style.top = Math.max(8, event.clientY - space.height - 12) + "px";
  };

  const examples = (body, what, id) => {
    const source = document.querySelector(`#cell-${id} .thumbs`);
    if (!source) return false;
    body.append(element("p", "what", what), source.cloneNode(true));
    return true;
  };

  const open = (stage, event) => {
    const cell = cellAt(stage, event);
    if (!cell) return;
    const chosen = facts(stage, cell);
    if (!chosen.n) return;
    const index = data[stage.dataset.attribute].index;
    const body = dialog.querySelector(".body");
    body.replaceChildren();
    dialog.querySelector("h3").textContent = sentence(chosen);
    const shown = examples(body, "The surest predictions of this kind:", `${index}-${cell.label}-${cell.predicted}`);
    if (!shown) body.append(element("p", "what", "This page carries no pictures of this cell. " +
      "`curate browse` shows all of its artworks."));
    if (cell.label !== cell.predicted) {
      examples(body, `Known well as ${chosen.label}:`, `${index}-${cell.label}-${cell.label}`);
      examples(body, `Known well as ${chosen.predicted}:`, `${index}-${cell.predicted}-${cell.predicted}`);
    }
    hide(stage);
    dialog.showModal();
  };

  for (const stage of document.querySelectorAll(".matrix .stage")) {
    stage.addEventListener("pointermove", (event) => show(stage, event));
    stage.addEventListener("pointerleave", () => hide(stage));
    stage.addEventListener("click", (event) => open(stage, event));
  }
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
})();
