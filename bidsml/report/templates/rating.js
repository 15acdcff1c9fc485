// A reader's judgement: kept in the browser where it may be, saved as a file on request, sent nowhere.
for (const box of document.querySelectorAll(".rating")) {
  const choices = [...box.querySelectorAll("input[type=radio]")];
  const notes = box.querySelector("textarea");
  const rater = box.querySelector("input[type=text]");
  const status = box.querySelector("[role=status]");
  const record = JSON.parse(box.dataset.record);
  // The same person and analysis seen by other versions is another judgement.
  const key = `bidsml-rating ${box.dataset.name} ${box.dataset.record}`;
  const storage = (act) => {
    try {
      return act(window.localStorage);
    } catch {
      return null; // private windows and strict settings
    }
  };

  const entered = () => ({
    rating: choices.find((choice) => choice.checked)?.value ?? null, notes: notes.value, rater: rater.value,
  });
  const fill = ({ rating, notes: words, rater: name }) => {
    for (const choice of choices) choice.checked = choice.value === rating;
    notes.value = words ?? "";
    rater.value = name ?? "";
  };
  const keep = () => {
    const kept = storage((store) => { store.setItem(key, JSON.stringify(entered())); return true; });
    status.textContent = kept ? "Kept in this browser; not yet saved as a file" : "Not yet saved as a file";
  };

  const before = storage((store) => JSON.parse(store.getItem(key)));
  if (before) {
    fill(before);
    status.textContent = "As kept in this browser";
  }
  box.addEventListener("input", keep);
  box.querySelector(".save").addEventListener("click", () => {
    if (!entered().rating) {
      status.textContent = "Choose pass, review or fail first";
      choices[0].focus();
      return;
    }
    const content = { ...record, ...entered(), rated_at: new Date().toISOString() };
    globalThis.bidsml.save(`${JSON.stringify(content, null, 2)}\n`, `${box.dataset.name}.json`, "application/json");
    status.textContent = `Saved as ${box.dataset.name}.json in the folder for downloads`;
  });
  box.querySelector(".clear").addEventListener("click", () => {
    fill({});
    storage((store) => store.removeItem(key));
    status.textContent = "Cleared";
  });
  box.hidden = false;
}
