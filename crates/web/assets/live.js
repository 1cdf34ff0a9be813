// Makes pages live. Every page works without it: links and forms lead to whole pages, of which this takes the part that
// changes. Nothing here knows what a page is about.
//
//   data-swap="id"      on a link or form: fetch, and put the answer's #id in the place of this page's
//   data-along="id"     on an element with an id of its own: it is put in place together with #id
//   data-whole          on a button of such a form: it leads to a whole page all the same
//   data-ahead          on an input: its form is sent while one types, a moment after the last key
//   data-live="address" on an element: server-sent events; each event's HTML takes the place of the elements of the same ids
//   data-dialog="id"    on a link: shows the answer's #id in a dialog over this page; data-close in it closes it
//   data-copy="id"      on a button: copies the text of #id
//   data-print          on a button: prints the page
//   data-all="name"     on a tick: ticks all of that name
"use strict";
(() => {
  const PAUSE = 60;
  let asked = 0; // the newest request: an older one's answer comes too late
  let under = null;

  const put = (html, ids) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const id of ids ?? [...page.body.children].map((part) => part.id)) {
      const part = id && page.getElementById(id);
      const old = id && document.getElementById(id);
      if (!part || !old) continue;
      const active = document.activeElement;
      const keep = old.contains(active) && active.name ? { name: active.name, at: active.selectionStart } : null;
      const search = keep && old.querySelector(`[name="${CSS.escape(keep.name)}"]`)?.value;
      old.replaceWith(document.adoptNode(part));
      if (keep) {
        const again = part.querySelector(`[name="${CSS.escape(keep.name)}"]`);
        if (again) {
          if (again.type === "search") again.value = search;
          again.focus();
          if (keep.at !== null && again.setSelectionRange) again.setSelectionRange(keep.at, keep.at);
        }
      }
      ready(part);
    }
    return page;
  };

  const swap = async (address, options, id, go) => {
    const mine = ++asked;
    under?.abort();
    under = new AbortController();
    const place = document.getElementById(id);
    place?.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { ...options, signal: under.signal, headers: { accept: "text/html" } });
      const html = await answer.text();
      if (mine !== asked) return;
      const page = new DOMParser().parseFromString(html, "text/html");
      // Not the part that was asked for: the session ended, or something went wrong. The browser shows it as it is.
      if (!page.getElementById(id)) return go();
      const along = [...document.querySelectorAll(`[data-along="${CSS.escape(id)}"]`)].map((part) => part.id);
      put(html, [id, "flash", ...along]);
      const here = !document.getElementById(id)?.closest("dialog");
      if (here && (!options.method || options.method === "GET")) history.replaceState(null, "", answer.url);
    } catch (error) {
      if (error.name !== "AbortError") go();
    } finally {
      document.getElementById(id)?.removeAttribute("aria-busy");
    }
  };

  const overlay = async (address, id) => {
    const answer = await fetch(address, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = page.getElementById(id);
    if (!part) return location.assign(address);
    const dialog = document.createElement("dialog");
    dialog.className = "dialog";
    dialog.setAttribute("aria-labelledby", part.getAttribute("aria-labelledby") ?? "");
    dialog.append(document.adoptNode(part));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    ready(part);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap], a[data-dialog], a[data-close]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      const { swap: id, dialog } = link.dataset;
      const open = "close" in link.dataset ? link.closest("dialog") : null;
      if (id || dialog || open) event.preventDefault();
      if (id) swap(link.href, {}, id, () => location.assign(link.href));
      else if (dialog) overlay(link.href, dialog).catch(() => location.assign(link.href));
      else open?.close();
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = document.getElementById(copy.dataset.copy)?.textContent ?? "";
      navigator.clipboard.writeText(text).then(() => {
        const said = copy.innerHTML;
        copy.textContent = "Copied";
        setTimeout(() => (copy.innerHTML = said), 1500);
      });
    }
    if (event.target.closest("[data-print]")) print();
    const all = event.target.closest("[data-all]");
    if (all) {
      for (const tick of document.querySelectorAll(`input[name="${CSS.escape(all.dataset.all)}"]`)) tick.checked = all.checked;
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.swap && !event.submitter?.hasAttribute("data-whole")) {
      event.preventDefault();
      const data = new URLSearchParams(new FormData(form, event.submitter));
      const post = form.method === "post";
      const address = post ? form.action : `${form.action.split("?")[0]}?${data}`;
      // As a whole page, with the button that was pressed.
      const whole = () => {
        delete form.dataset.swap;
        form.requestSubmit(event.submitter);
      };
      swap(address, post ? { method: "POST", body: data } : {}, form.dataset.swap, whole);
      return;
    }
    // A second click is not a second request.
    if (form.method === "post") {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "yes";
      setTimeout(() => event.submitter?.setAttribute("aria-disabled", "true"));
    }
  });

  // Going back shows the form as it was left: it may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll('button[aria-disabled="true"]')) button.removeAttribute("aria-disabled");
  });

  let typing;
  document.addEventListener("input", (event) => {
    const input = event.target.closest("[data-ahead]");
    if (!input?.form) return;
    clearTimeout(typing);
    typing = setTimeout(() => input.form.requestSubmit(), PAUSE);
  });

  const follow = (element) => {
    const source = new EventSource(element.dataset.live);
    source.addEventListener("message", (event) => put(event.data));
    // The end of what is followed: the page as it is now says more than the last event.
    source.addEventListener("end", (event) => {
      source.close();
      event.data ? location.assign(event.data) : location.reload();
    });
    addEventListener("pagehide", () => source.close(), { once: true });
  };

  const ready = (root) => {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
    for (const button of root.querySelectorAll("[data-print]")) button.hidden = false;
    for (const element of root.querySelectorAll("[data-live]")) follow(element);
  };
  document.documentElement.classList.add("live");
  addEventListener("DOMContentLoaded", () => {
    ready(document);
    // On a phone the tabs are wider than the page; the page itself stays where it is.
    const tab = document.querySelector(".tabs [aria-current]");
    if (tab) tab.closest(".tabs").scrollLeft = tab.offsetLeft - (innerWidth - tab.offsetWidth) / 2;
  });
})();
