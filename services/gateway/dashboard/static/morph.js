// Makes what is on the page what it should be, touching only what differs, so that focus, open boxes and choices stay.

/** Gives `have` the children of `want`. Elements with the same `data-key` are taken for the same. */
export function morphChildren(have, want) {
  const keyed = new Map();
  for (const child of have.children) {
    if (child.dataset.key) keyed.set(child.dataset.key, child);
  }
  let place = have.firstChild;
  for (const wanted of [...want.childNodes]) {
    const known = keyed.get(wanted.dataset?.key);
    const match = known ?? (place && isAlike(place, wanted) ? place : null);
    if (match) {
      if (match === place) place = place.nextSibling;
      else have.insertBefore(match, place);
      morph(match, wanted);
    } else {
      have.insertBefore(document.importNode(wanted, true), place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function isAlike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;
}

function morph(have, want) {
  if (have.nodeType !== Node.ELEMENT_NODE) {
    if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
    return;
  }
  for (const { name, value } of [...want.attributes]) {
    if (have.getAttribute(name) !== value) have.setAttribute(name, value);
  }
  for (const { name } of [...have.attributes]) {
    // What the reader has opened, chosen or been given by other scripts is theirs.
    if (!want.hasAttribute(name) && !["open", "disabled"].includes(name)) have.removeAttribute(name);
  }
  morphChildren(have, want);
}
