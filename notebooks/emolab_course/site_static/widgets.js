/* The reward lab and the attribution explorer as pages. The data were computed when the site was built. */
"use strict";

const made = (tag, text = "", attributes = {}) => {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const labelled = (parent, text, input) => {
  const label = made("label", `${text} `);
  label.append(input);
  parent.append(label);
  return input;
};
const menu = (parent, text, options) => {
  const select = labelled(parent, text, made("select"));
  options.forEach((option, i) => select.append(made("option", option, { value: i })));
  return select;
};
const slider = (parent, text, value, max, step) => {
  const input = labelled(parent, text, made("input", "", { type: "range", min: 0, max, step, value }));
  const shown = made("output", Number(value).toFixed(2));
  input.after(shown);
  input.addEventListener("input", () => { shown.textContent = Number(input.value).toFixed(2); });
  return input;
};
const row = (tag, cells) => {
  const line = made("tr");
  cells.forEach((cell) => {
    const box = made(tag, cell instanceof Node ? "" : cell, String(cell).length > 12 ? { class: "text" } : {});
    if (cell instanceof Node) box.append(cell);
    line.append(box);
  });
  return line;
};
const table = (head, rows) => {
  const box = made("table", "", { class: "docutils" });
  box.append(row("th", head), ...rows.map((cells) => row("td", cells)));
  const scroll = made("div", "", { class: "scroll" });
  scroll.append(box);
  return scroll;
};
const two = (value) => (value === null ? "" : (Math.abs(value) < 0.005 ? 0 : value).toFixed(2));
const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(2);

/* A rubric: the weighted sum of the parts that apply; a gated part counts 0 where its gate is not above 0. */
function totalOf(scores, controls, parts) {
  let sum = null;
  scores.forEach((value, i) => {
    if (value === null) return;
    const gate = Number(controls[i].gate.value);
    const open = gate === 0 || (scores[gate - 1] ?? 0) > 0;
    sum = (sum ?? 0) + (open ? value * Number(controls[i].weight.value) : 0);
  });
  return sum ?? 0;
}
/* GRPO's advantages: (r − mean) / (standard deviation with n − 1, plus 0.0001). */
function advantagesOf(totals) {
  const mean = totals.reduce((a, b) => a + b, 0) / totals.length;
  const spread = Math.sqrt(totals.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(totals.length - 1, 1));
  return totals.map((value) => (value - mean) / (spread + 1e-4));
}
function barOf(value, largest) {
  const bar = made("div", "", { class: "advantage", role: "img", "aria-label": `advantage ${signed(value)}` });
  const width = 50 * Math.abs(value) / largest;
  bar.append(made("span", "", {
    style: `left:${value > 0 ? 50 : 50 - width}%;width:${width}%;background:var(--${value > 0 ? "for" : "against"})`,
  }));
  const cell = made("div", "", { class: "advantage-cell" });
  cell.append(bar, made("b", signed(value)));
  return cell;
}

function rewardLab(root, data) {
  const top = made("div", "", { class: "controls" });
  const player = made("div"), panel = made("div", "", { class: "parts" }), ranked = made("div"), attacks = made("div");
  root.replaceChildren(top, player, panel, made("h2", "The answers, ranked"), ranked,
    made("h2", "Attacks on this rubric"), attacks);
  const group = menu(top, "clip", data.groups.map((g) => g.name));
  const progress = slider(top, "progress of training", 0, 1, 0.25);
  const controls = data.parts.map((part) => {
    const box = made("fieldset");
    box.append(made("legend", part.name));
    panel.append(box);
    const gate = menu(box, "counts only where", ["always", ...data.parts.map((p) => `${p.name} pays`)]);
    gate.value = part.gate === null ? 0 : 1 + data.parts.findIndex((p) => p.name === part.gate);
    return { weight: slider(box, "weight", part.weight, 2, 0.05), gate };
  });
  const show = () => {
    const step = data.progress.indexOf(Number(progress.value)), chosen = data.groups[Number(group.value)];
    const raw = chosen.raw[step], totals = raw.map((scores) => totalOf(scores, controls, data.parts));
    const pushes = advantagesOf(totals), largest = Math.max(...pushes.map(Math.abs), 1e-9);
    const order = totals.map((_, i) => i).sort((a, b) => totals[b] - totals[a] || a - b);
    ranked.replaceChildren(table(["push of training", "reward", "answer", ...data.parts.map((p) => p.name.replaceAll("_", " "))],
      order.map((i) => [barOf(pushes[i], largest), two(totals[i]), chosen.answers[i], ...raw[i].map(two)])));
    const wrong = data.wrong[step].map((scores) => totalOf(scores, controls, data.parts));
    const paying = data.attacks.map((attack) => {
      const pays = attack.raw[step].map((scores) => totalOf(scores, controls, data.parts));
      return { ...attack, pay: pays.reduce((a, b) => a + b, 0) / pays.length,
        margin: Math.max(...pays.map((pay, i) => pay - wrong[i])) };
    }).filter((attack) => attack.margin > 1e-6).sort((a, b) => b.margin - a.margin);
    const told = `${paying.length} of ${data.attacks.length} attacks pay more than an honest wrong answer.`;
    attacks.replaceChildren(made("p", told, { role: "status" }), ...(paying.length ? [table(
      ["attack", "it earns", "above an honest wrong answer", "for example"],
      paying.map((a) => [a.name, two(a.pay), signed(a.margin), a.example]))] : []));
  };
  const play = () => { player.innerHTML = data.groups[Number(group.value)].player; };
  root.addEventListener("input", show);
  group.addEventListener("input", play);
  play();
  show();
}

function explorer(root, data) {
  const top = made("div", "", { class: "controls" }), player = made("div"), shown = made("div", "", { "aria-live": "polite" });
  root.replaceChildren(top, player, shown);
  const clip = menu(top, "clip", data.clips.map((c) => c.name));
  const method = menu(top, "method", data.methods), masker = menu(top, "masker", data.maskers);
  const show = () => {
    shown.innerHTML = data.clips[Number(clip.value)]
      .html[data.methods[Number(method.value)]][data.maskers[Number(masker.value)]];
  };
  const play = () => { player.innerHTML = data.clips[Number(clip.value)].player; };
  root.addEventListener("input", show);
  clip.addEventListener("input", play);
  play();
  show();
}

document.addEventListener("DOMContentLoaded", () => {
  const lab = document.getElementById("reward-lab"), view = document.getElementById("explorer");
  if (lab && window.lab_data) rewardLab(lab, window.lab_data);
  if (view && window.explorer_data) explorer(view, window.explorer_data);
});
