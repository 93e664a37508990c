// What stays over a reload: the selected trial, in the address; and the reload itself where a server follows a sweep.

const LOOK_MS = 3000;

function follow() {
  on("selected", () => {
    if (store.selected !== null) history.replaceState(null, "", "#" + key(store.selected));
  });
  if (!data.live) return;
  $("counts").append(html("span", { class: "live", role: "status" }, " \u00b7 live"));
  setInterval(async () => {
    try {
      const answer = await fetch("state", { cache: "no-store" });
      if (answer.ok && (await answer.text()) !== data.live) location.reload();
    } catch {
      document.querySelector(".live").textContent = " \u00b7 the server is gone";
    }
  }, LOOK_MS);
}

/** The trial that the address names, else the knee. */
function atFirst() {
  const named = Array.from({ length: total }, (_, i) => i).find((i) => "#" + key(i) === location.hash);
  return named === undefined ? data.knee : named;
}
