"""A calculation, not a measurement: what bandwidth and tensor cores allow the adapters of FLUX.1-dev at 1080p.

Bytes are what must cross the memory bus if every tensor that is read or written crosses it once a pass; operations are
multiplications and additions of products. A kernel takes at least the longer of both.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lumaflux.inference.composition import gain_expression
from lumaflux.inference.detail import LARGEST_STOPS, OFFSET_NITS
from lumaflux.lab.bench.traffic import moved
from lumaflux.model.presets import FLUX_DEV
from lumaflux.model.spline import PEAK_PQ, tone_expression
from lumaflux.ops import coupler_add, film_layer_norm, gated_low_rank

_TYPE = 2  # bytes of bf16


@dataclass(frozen=True, kw_only=True)
class Card:
    """Published peaks: memory in bytes/s; dense bf16 with fp32 accumulation and TF32 in operations/s."""

    name: str
    bandwidth: float
    bf16: float
    tf32: float


CARDS = (
    Card(name="RTX 4090", bandwidth=1.008e12, bf16=165.2e12, tf32=82.6e12),  # NVIDIA Ada whitepaper, appendix A
    Card(name="H100 SXM", bandwidth=3.35e12, bf16=989.4e12, tf32=494.7e12),  # NVIDIA H100 data sheet, dense
    Card(name="B200", bandwidth=8.0e12, bf16=2.25e15, tf32=1.1e15),  # NVIDIA DGX B200 data sheet over 8, dense
)


@dataclass(frozen=True, kw_only=True)
class Work:
    """One kernel's bytes and operations, and the bytes and launches of its torch expression."""

    bytes: float
    bf16: float = 0.0
    tf32: float = 0.0
    unfused_bytes: float
    unfused_launches: int

    def seconds(self, card: Card) -> float:
        return max(self.bytes / card.bandwidth, self.bf16 / card.bf16 + self.tf32 / card.tf32)

    def unfused_seconds(self, card: Card) -> float:
        return max(self.unfused_bytes / card.bandwidth, (self.bf16 + self.tf32) / card.bf16)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One Euler step of FLUX.1-dev with the adapters of the published configuration; 1080p by default."""

    height: int = 1080
    width: int = 1920
    channels: int = 3072
    heads: int = 24
    rank: int = 8
    bottleneck: int = 64
    double_blocks: int = 19
    single_blocks: int = 38
    context: int = 8 + 729  # null tokens, and SigLIP's

    @property
    def image_tokens(self) -> int:
        return -(-self.height // 16) * -(-self.width // 16)

    @property
    def tokens(self) -> int:
        return self.image_tokens + self.context

    @property
    def blocks(self) -> int:
        return self.double_blocks + self.single_blocks

    def operations(self) -> float:
        """Of the frozen transformer: 24 d^2 a token and block in its linear layers, 4 T^2 d in attention."""
        linear = 24 * self.channels**2 * self.tokens
        return float(self.blocks * (linear + 4 * self.tokens**2 * self.channels))

    def gated_low_rank(self, tokens: int) -> Work:
        plane, gates = tokens * self.channels * _TYPE, tokens * self.heads * _TYPE
        factors = 2 * self.rank * self.channels * _TYPE
        product = 2.0 * tokens * self.channels * self.rank
        shapes = [(tokens, self.channels)] * 2 + [(self.rank, self.channels), (self.channels, self.rank)]
        x, value, down, up = (_tensor(*shape) for shape in shapes)
        inputs = (x[None], value[None], down, up, *_numbers(2), _tensor(1, tokens, self.heads), _tensor(1, self.heads))
        torch_moves = moved(gated_low_rank.expression, *inputs, *_numbers(1))
        return Work(
            bytes=4 * plane + gates + factors,  # x twice: for its products, and for the direct term
            bf16=product,
            tf32=product,
            unfused_bytes=torch_moves.bytes,
            unfused_launches=torch_moves.launches,
        )

    def film_layer_norm(self) -> Work:
        hidden, film = _tensor(1, self.image_tokens, self.channels), _tensor(1, 1, 2 * self.channels)
        torch_moves = moved(film_layer_norm.expression, hidden, film, *_numbers(2))
        return Work(
            bytes=_size(hidden) * 2 + _size(film),
            unfused_bytes=torch_moves.bytes,
            unfused_launches=torch_moves.launches,
        )

    def coupler_add(self) -> Work:
        hidden, narrow = (_tensor(1, self.image_tokens, size) for size in (self.channels, 2 * self.bottleneck))
        weights = [_tensor(self.channels, self.bottleneck) for _ in range(2)]
        torch_moves = moved(coupler_add.expression, hidden, narrow, *weights, *_numbers(1))
        return Work(
            bytes=2 * _size(hidden) + _size(narrow) + 2 * _size(weights[0]),
            bf16=2.0 * self.image_tokens * self.channels * 2 * self.bottleneck,
            unfused_bytes=torch_moves.bytes,
            unfused_launches=torch_moves.launches,
        )

    def kernels(self) -> dict[str, tuple[int, Work]]:
        """Each kernel: how often a step runs it, and its work. Those over pixels run once a frame."""
        return {
            "gated_low_rank, double-stream": (self.double_blocks, self.gated_low_rank(self.image_tokens)),
            "gated_low_rank, single-stream": (self.single_blocks, self.gated_low_rank(self.tokens)),
            "film_layer_norm": (self.blocks, self.film_layer_norm()),
            "coupler_add": (self.blocks, self.coupler_add()),
        }

    def pixel_kernels(self) -> dict[str, Work]:
        """Passes over a frame in fp32, and what their torch expressions move."""
        size = (self.height, self.width)

        def pictures(*shape: int) -> Tensor:
            return torch.empty(shape, device="meta")

        frame, share = pictures(1, 3, *size), pictures(1, 1, *size)
        reduced = pictures(1, 3, self.height // 2, self.width // 2)
        knots = [pictures(1, FLUX_DEV.bins + 1)] * 3
        tone = moved(tone_expression, frame, *knots, pictures(2, 2, 1, 1), pictures(2), PEAK_PQ)
        numbers = (0, self.height, OFFSET_NITS, LARGEST_STOPS)
        gain = moved(gain_expression, frame, reduced, reduced, reduced, share, *numbers)
        plane = self.height * self.width * 4
        return {
            "spline_pq": Work(bytes=6 * plane, unfused_bytes=tone.bytes, unfused_launches=tone.launches),
            "gain_map": Work(
                bytes=7 * plane + 3 * _size(reduced), unfused_bytes=gain.bytes, unfused_launches=gain.launches
            ),
        }


def _tensor(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.bfloat16, device="meta")


def _numbers(count: int) -> list[Tensor]:
    return [_tensor(1) for _ in range(count)]


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def roofline_table(step: Step = Step()) -> str:
    """Markdown: bytes, operations and least times of each kernel, then the share of a step that adapters take."""
    header = "| kernel | runs | MB | GFLOP | " + " | ".join(f"{c.name}, us" for c in CARDS)
    lines = [header + " | " + " | ".join(f"{c.name} unfused, us" for c in CARDS) + " |", "|---|" + "---:|" * 9]
    runs = step.kernels() | {f"{name}, a frame": (1, work) for name, work in step.pixel_kernels().items()}
    for name, (count, work) in runs.items():
        fused = " | ".join(f"{1e6 * work.seconds(card):.1f}" for card in CARDS)
        unfused = " | ".join(f"{1e6 * work.unfused_seconds(card):.1f}" for card in CARDS)
        operations = (work.bf16 + work.tf32) / 1e9
        lines.append(f"| {name} | {count} | {work.bytes / 1e6:.1f} | {operations:.2f} | {fused} | {unfused} |")
    return "\n".join([*lines, "", *_share_lines(step)])


def _share_lines(step: Step) -> list[str]:
    lines = [
        "| a step on | transformer, ms | adapters fused, ms | share | unfused, ms | share | launches fused / unfused |",
        "|---|" + "---:|" * 6,
    ]
    for card in CARDS:
        base = step.operations() / card.bf16
        fused = sum(count * work.seconds(card) for count, work in step.kernels().values())
        unfused = sum(count * work.unfused_seconds(card) for count, work in step.kernels().values())
        few = sum(count for count, _ in step.kernels().values())
        many = sum(count * work.unfused_launches for count, work in step.kernels().values())
        lines.append(
            f"| {card.name} | {1e3 * base:.1f} | {1e3 * fused:.2f} | {fused / base:.2%} | {1e3 * unfused:.2f} "
            f"| {unfused / base:.2%} | {few} / {many} |"
        )
    return lines
