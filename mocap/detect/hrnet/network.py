"""PoseHRNet, written so that its parameters carry the names of the published checkpoints.

Sun, Xiao, Liu and Wang, "Deep High-Resolution Representation Learning for Human Pose Estimation",
CVPR 2019: four resolutions run side by side (width, 2 width, 4 width, 8 width channels) and
exchange what they found after every module. Input (n, 3, height, width), output heat maps
(n, joint, height / 4, width / 4).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

STEM_CHANNELS = 64
_BLOCKS_PER_BRANCH = 4
_MODULES = {2: 1, 3: 4, 4: 3}


def _conv_bn(
    inside: int, outside: int, kernel: int, stride: int = 1, *, relu: bool
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outside),
    ]
    if relu:
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        """Keep the number of channels."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus its correction."""
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + x)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut, four times as many channels at the end."""

    def __init__(self, inside: int, channels: int) -> None:
        """Give 4 `channels`; the shortcut is projected where `inside` differs."""
        super().__init__()
        outside = 4 * channels
        self.conv1 = nn.Conv2d(inside, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, outside, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        self.downsample = _conv_bn(inside, outside, 1, relu=False) if inside != outside else None
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the shortcut plus its correction."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(self.bn3(self.conv3(out)) + shortcut)


class ExchangeModule(nn.Module):
    """Run every resolution by itself, then add all of them to each of the first `outputs`."""

    def __init__(self, channels: Sequence[int], outputs: int) -> None:
        """Make one branch per entry of `channels`."""
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(each) for _ in range(_BLOCKS_PER_BRANCH)))
            for each in channels
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_resample(channels, start, end) for start in range(len(channels)))
            for end in range(outputs)
        )
        self.relu = nn.ReLU()

    def forward(self, x: list[Tensor]) -> list[Tensor]:
        """Return the fused resolutions."""
        ran = [branch(each) for branch, each in zip(self.branches, x, strict=True)]
        fused = []
        for row in self.fuse_layers:
            total = row[0](ran[0])  # type: ignore[index]
            for layer, each in zip(list(row)[1:], ran[1:], strict=True):  # type: ignore[call-overload]
                total = total + layer(each)
            fused.append(self.relu(total))
        return fused


def _resample(channels: Sequence[int], start: int, end: int) -> nn.Module:
    """Return the path from resolution `start` to resolution `end` (0 is the finest)."""
    if start == end:
        return nn.Identity()
    if start > end:
        up = nn.Upsample(scale_factor=2.0 ** (start - end), mode="nearest")
        return nn.Sequential(*_conv_bn(channels[start], channels[end], 1, relu=False), up)
    steps = end - start
    return nn.Sequential(
        *(
            _conv_bn(
                channels[start],
                channels[end] if last else channels[start],
                3,
                stride=2,
                relu=not last,
            )
            for last in (step == steps - 1 for step in range(steps))
        )
    )


def _transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """Return what takes the resolutions `before` to the channels `after`, one resolution more."""
    layers: list[nn.Module] = [
        nn.Identity() if inside == outside else _conv_bn(inside, outside, 3, relu=True)
        for inside, outside in zip(before, after, strict=False)
    ]
    # The new resolution is a chain of one halving: only its key has a further level.
    layers.append(nn.Sequential(_conv_bn(before[-1], after[-1], 3, stride=2, relu=True)))
    return nn.ModuleList(layers)


class PoseHRNet(nn.Module):
    """The whole network."""

    def __init__(self, width: int = 32, joints: int = 17, final_kernel: int = 1) -> None:
        """Build the network: `width` 32 or 48, one heat map per joint."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, STEM_CHANNELS, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.conv2 = nn.Conv2d(STEM_CHANNELS, STEM_CHANNELS, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(STEM_CHANNELS)
        self.relu = nn.ReLU()
        wide = 4 * STEM_CHANNELS
        self.layer1 = nn.Sequential(
            Bottleneck(STEM_CHANNELS, STEM_CHANNELS),
            *(Bottleneck(wide, STEM_CHANNELS) for _ in range(3)),
        )
        channels = [width, 2 * width, 4 * width, 8 * width]
        self.transition1 = _transition([wide], channels[:2])
        self.stage2 = self._stage(channels[:2])
        self.transition2 = _transition(channels[:2], channels[:3])
        self.stage3 = self._stage(channels[:3])
        self.transition3 = _transition(channels[:3], channels)
        self.stage4 = self._stage(channels, last_outputs=1)
        self.final_layer = nn.Conv2d(width, joints, final_kernel, 1, final_kernel // 2)

    @staticmethod
    def _stage(channels: Sequence[int], last_outputs: int | None = None) -> nn.Sequential:
        count, full = _MODULES[len(channels)], len(channels)
        outputs = [full] * (count - 1) + [full if last_outputs is None else last_outputs]
        return nn.Sequential(*(ExchangeModule(channels, each) for each in outputs))

    def forward(self, image: Tensor) -> Tensor:
        """Return heat maps (n, joint, height / 4, width / 4)."""
        x = self.relu(self.bn1(self.conv1(image)))
        x = self.layer1(self.relu(self.bn2(self.conv2(x))))
        y: list[Tensor] = self.stage2([layer(x) for layer in self.transition1])
        y = self.stage3(_widen(self.transition2, y))
        y = self.stage4(_widen(self.transition3, y))
        heatmaps: Tensor = self.final_layer(y[0])
        return heatmaps


def _widen(transition: nn.ModuleList, x: list[Tensor]) -> list[Tensor]:
    """Apply a transition; the new resolution is made from the coarsest one."""
    return [layer(each) for layer, each in zip(transition, [*x, x[-1]], strict=True)]
