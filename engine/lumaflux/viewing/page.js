"use strict";
// The page is whole without this script: it only moves the edge between the two pictures.
const cut = document.getElementById("cut");
const slider = document.getElementById("slider");
const move = () => slider.style.setProperty("--cut", `${cut.value}%`);
cut.addEventListener("input", move);
slider.addEventListener("pointermove", (event) => {
  const box = slider.getBoundingClientRect();
  cut.value = String(Math.round((100 * (event.clientX - box.left)) / box.width));
  move();
});
