// Tables that can be sorted, narrowed down and saved. Without this script they are whole and readable.
const textOf = (cell) => cell.textContent.trim();
const numberOf = (cell) => {
  const match = /[-\u2212]?(?:\d[\d\u202f,]*)?\.?\d+(?:[eE][-\u2212+]?\d+)?/.exec(textOf(cell));
  return match ? Number(match[0].replaceAll("\u2212", "-").replace(/[\u202f,]/g, "")) : NaN;
};
const alphabet = new Intl.Collator("en", { numeric: true });

function makeSortable(table, say) {
  const body = table.tBodies[0];
  for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    const isNumber = head.classList.contains("number");
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const keyed = [...body.rows].map((row) => {
        const cell = row.cells[column];
        return [isNumber ? numberOf(cell) : textOf(cell), row];
      });
      const isMissing = (key) => (isNumber ? Number.isNaN(key) : key === "" || key === "n/a");
      const sign = rising ? 1 : -1;
      keyed.sort(([a], [b]) => {
        if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b);
        return sign * (isNumber ? a - b : alphabet.compare(a, b));
      });
      body.append(...keyed.map(([, row]) => row));
      say(`Sorted by ${textOf(head)}, ${rising ? "smallest first" : "largest first"}`);
    });
  }
}

function makeFilters(table, tools, say) {
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows];
  const tests = [];
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !tests.every((test) => test(row));
      shown += !row.hidden;
    }
    say(`${shown} of ${rows.length} rows shown`);
  };
  for (const [column, head] of heads.entries()) {
    if (!("filter" in head.dataset)) continue;
    const values = [...new Set(rows.map((row) => textOf(row.cells[column])))].sort(alphabet.compare);
    const label = document.createElement("label");
    const few = values.length <= 30;
    const field = document.createElement(few ? "select" : "input");
    if (few) {
      field.append(new Option("all", "", true, true), ...values.map((value) => new Option(value, `=${value}`)));
      tests.push((row) => !field.value || textOf(row.cells[column]) === field.value.slice(1));
    } else {
      field.type = "search";
      tests.push((row) => textOf(row.cells[column]).toLowerCase().includes(field.value.trim().toLowerCase()));
    }
    label.append(textOf(head), " ", field);
    field.addEventListener("input", apply);
    tools.append(label);
  }
}

function makeSaving(table, tools, name) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Save as TSV";
  button.setAttribute("aria-label", `Save as TSV: ${name}.tsv`);
  button.addEventListener("click", () => {
    // Software reads a hyphen as the sign, not the longer minus of print.
    const field = (cell) => {
      const words = textOf(cell).replace(/\s+/g, " ");
      return cell.classList.contains("number") ? words.replaceAll("\u2212", "-") : words;
    };
    const line = (row) => [...row.cells].map(field).join("\t");
    const text = [...table.rows].filter((row) => !row.hidden).map((row) => `${line(row)}\n`).join("");
    globalThis.bidsml.save(text, `${name}.tsv`, "text/tab-separated-values");
  });
  tools.append(button);
}

for (const data of document.querySelectorAll(".data")) {
  const table = data.querySelector("table");
  const tools = document.createElement("p");
  tools.className = "tools";
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  const say = (text) => { status.textContent = text; };
  if ("sortable" in data.dataset) makeSortable(table, say);
  if (table.querySelector("th[data-filter]")) makeFilters(table, tools, say);
  if (data.dataset.name) makeSaving(table, tools, data.dataset.name);
  if (tools.childNodes.length || "sortable" in data.dataset) {
    tools.append(status);
    data.prepend(tools);
  }
}
