"""SDR pictures whose right answer is known: ramps, text, the edges of clipped areas, texture. 8-bit codes over 255."""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]  # [3,H,W]


def neutral_ramp(width: int = 640, height: int = 64, low: float = 0.0, high: float = 1.0) -> Picture:
    """Grey from ``low`` to ``high``, left to right."""
    return _coded(np.broadcast_to(np.linspace(low, high, width), (3, height, width)))


def sky_ramp(width: int = 640, height: int = 96) -> Picture:
    """A smooth coloured gradient over few codes, as an evening sky has: its 8-bit steps are many pixels wide."""
    u = np.linspace(0, 1, width)
    rows = np.linspace(0, 0.02, height)[:, None]
    return _coded(np.stack([0.42 + 0.16 * u + rows, 0.50 + 0.12 * u + rows, 0.62 + 0.08 * u + rows]))


def steps(levels: int = 9, width: int = 72, height: int = 96) -> Picture:
    """Flat grey fields side by side, from black to white."""
    row = np.repeat(np.linspace(0, 1, levels), width)
    return _coded(np.broadcast_to(row, (3, height, len(row))))


def text(width: int = 480, height: int = 160) -> Picture:
    """White letters on dark grey above, black letters on a bright gradient below."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.new("L", (width, height), 40)
    canvas.paste(
        Image.fromarray(np.tile(np.linspace(150, 235, width).astype(np.uint8), (height // 2, 1))), (0, height // 2)
    )
    draw = ImageDraw.Draw(canvas)
    for row, (ink, size) in enumerate(((255, 28), (255, 14), (0, 28), (0, 14))):
        draw.text((14, 8 + row * height / 4), "Hamburgefonstiv 0123456789", fill=ink, font=ImageFont.load_default(size))
    return _coded(np.broadcast_to(np.asarray(canvas, dtype=np.float64) / 255, (3, height, width)))


def clipped_sun(width: int = 480, height: int = 270) -> Picture:
    """A clipped disc with a soft corona on a blue gradient, dark wires and a dark roof in front of it."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    distance = np.hypot(rows - 0.4 * height, columns - 0.6 * width)
    sky = np.stack([0.45 + 0.15 * rows / height, 0.55 + 0.15 * rows / height, 0.72 + 0.1 * rows / height])
    glow = 0.9 * np.exp(-np.maximum(distance - 30, 0) / 22)
    picture = 1 - (1 - sky) * (1 - glow)
    picture[:, distance < 30] = 1.0
    picture[:, (rows + columns).astype(int) % 67 < 2] = 0.12
    picture[:, rows > 0.8 * height - 0.15 * np.abs(columns - 0.3 * width)] = 0.08
    return _coded(picture)


def texture(size: int = 256, contrast: float = 0.06, seed: int = 0) -> Picture:
    """Grey noise of all frequencies around mid grey."""
    noise = np.random.default_rng(seed).normal(size=(1, size, size))
    return _coded(np.broadcast_to((0.45 + contrast * noise).clip(0.1, 0.85), (3, size, size)))


def _coded(signal: NDArray) -> Picture:
    return np.ascontiguousarray(np.rint(255 * signal.clip(0, 1)) / 255, dtype=np.float32)
