// The actions of the matrix: filters, the details of a cell, arrow keys. Texts from the results
// reach the page as text only, never as markup.
"use strict";

// Beside a book, its reader has chosen a theme.
let theme = null;
try { theme = localStorage.getItem("mdbook-theme"); } catch { /* Nothing is kept here. */ }
if (theme) document.documentElement.style.colorScheme = /light|rust/.test(theme) ? "light" : "dark";

const data = JSON.parse(document.getElementById("data").textContent);
const table = document.querySelector("table.cases");
const rows = [...table.querySelectorAll("tr[data-row]")];

// ---- details ----

const detail = document.getElementById("detail");
const part = (name) => detail.querySelector(`[data-is="${name}"]`);

// A case that a run leaves out has taken no time, and is not run again.
function rerun(row, column) {
    const cell = data.cells[row][column];
    return cell.seconds === undefined ? "" : cell.rerun ?? data.reruns[column] + data.rows[row].id;
}

function open(row, column) {
    const cell = data.cells[row][column];
    const about = cell.about ?? data.rows[row];
    const { label, symbol } = data.verdicts[cell.verdict];
    document.getElementById("detail-title").textContent = `${data.rows[row].id} (${about.level})`;
    part("run").textContent = data.columns[column];
    part("verdict").textContent = `${symbol} ${cell.label ?? label}`;
    part("verdict").className = cell.verdict;
    part("requirement").textContent = about.requirement;
    part("observation").textContent = cell.observation || "The requirement held.";
    part("source").textContent = about.source;
    part("seconds").textContent = cell.seconds === undefined ? "It was not run." : `${cell.seconds.toFixed(3)} s`;
    part("rerun").textContent = rerun(row, column) || "The run does not say how.";
    part("timeline").textContent = cell.timeline || "No timeline was kept.";
    const book = part("book");
    book.textContent = about.anchor;
    if (about.link !== null) {
        const link = document.createElement("a");
        link.href = about.link;
        link.textContent = about.anchor;
        book.replaceChildren(link);
    }
    detail.showModal();
    document.getElementById("close").focus();
    detail.scrollTop = 0;
}

table.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-column]");
    if (button) open(Number(button.closest("tr").dataset.row), Number(button.dataset.column));
});
document.getElementById("close").addEventListener("click", () => detail.close());
// A click beside the dialog is a click on the dialog itself; its content is in other elements, up to the
// padding.
detail.addEventListener("click", (event) => {
    const box = detail.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right
        && event.clientY >= box.top && event.clientY <= box.bottom;
    if (event.target === detail && !inside) detail.close();
});

// ---- arrow keys, besides the tab key, which visits every cell ----

table.addEventListener("keydown", (event) => {
    const button = event.target.closest("button[data-column]");
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!button || !step || event.ctrlKey || event.altKey || event.metaKey) return;
    const shown = rows.filter((row) => !row.hidden);
    const row = shown[shown.indexOf(button.closest("tr")) + step[0]];
    const next = row?.querySelector(`button[data-column="${Number(button.dataset.column) + step[1]}"]`);
    event.preventDefault();
    next?.focus();
});

// ---- filters ----

const text = document.getElementById("text");
const verdict = document.getElementById("verdict");
const words = data.rows.map((row, index) => {
    const seen = data.cells[index].map((cell) => cell.observation);
    return [row.id, row.level, row.requirement, row.source, ...seen].join("\n").toLowerCase();
});

function wanted(row) {
    const index = Number(row.dataset.row);
    const matches = (cell) => verdict.value === ""
        || (verdict.value === "!passed" ? cell.verdict !== "passed" : cell.verdict === verdict.value);
    return words[index].includes(text.value.trim().toLowerCase()) && data.cells[index].some(matches);
}

function filter() {
    for (const row of rows) row.hidden = !wanted(row);
    for (const body of table.tBodies) {
        body.hidden = ![...body.querySelectorAll("tr[data-row]")].some((row) => !row.hidden);
    }
    const shown = rows.filter((row) => !row.hidden).length;
    document.getElementById("found").textContent = `${shown} of ${rows.length} cases`;
}

text.addEventListener("input", filter);
verdict.addEventListener("change", filter);
document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
// A browser that goes back keeps what was typed.
addEventListener("pageshow", filter);
filter();
