// Choosing rows: all of a page at once, how many are chosen, and no button that would do nothing.

export function chooseRows(main) {
  if (!main) return;

  function count() {
    const form = main.querySelector("[data-choose]");
    if (!form) return;
    const boxes = [...form.querySelectorAll("input[name=id]")];
    const chosen = boxes.filter((box) => box.checked).length;
    form.querySelector("[data-chosen]").textContent = chosen ? `${chosen} chosen` : "None chosen";
    for (const button of form.querySelectorAll(".bar button")) button.disabled = !chosen;
    const all = form.querySelector("[data-choose-all]");
    if (all) {
      all.checked = chosen > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    }
  }

  main.addEventListener("change", (event) => {
    if (event.target.matches("[data-choose-all]")) {
      for (const box of main.querySelectorAll("[data-choose] input[name=id]")) box.checked = event.target.checked;
    }
    count();
  });
  main.addEventListener("refreshed", count);
  count();
}
