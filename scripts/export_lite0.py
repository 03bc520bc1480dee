"""Write the graph of EfficientNet-Lite0 for ONNX Runtime: indexer/embedders/lite0.onnx, without weights.

The weights come from the installed package when the graph is opened (`lite0_weights.py`). The file depends on nothing
but this script and the version of `onnx`, so it can be made again; a test holds it against what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from photoidx.indexer.embedders.lite0_weights import CLASSES, HEAD, Layer, layers

_OPSET, _IR = 17, 8
_SIDE = 224
PLACE = Path(__file__).parent.parent / "indexer" / "embedders" / "lite0.onnx"


class _Graph:
    """Nodes and what they read, in order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Add a node. Returns its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: float) -> str:
        """Add a number. Returns its name."""
        self.tensors.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        return name

    def weight(self, name: str, *shape: int) -> str:
        """Declare a tensor that is given when the graph is opened. Returns its name."""
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="given")
        self.tensors.append(tensor)
        return name

    def convolve(self, layer: Layer, source: str) -> str:
        """Add a convolution, padded as TensorFlow pads inputs of even size. Returns its output."""
        before, after = layer.padding
        weight = self.weight(
            f"{layer.name}.weight", layer.out, layer.channels // layer.groups, layer.kernel, layer.kernel
        )
        return self.add(
            "Conv",
            [source, weight, self.weight(f"{layer.name}.bias", layer.out)],
            layer.name,
            kernel_shape=[layer.kernel] * 2,
            strides=[layer.stride] * 2,
            pads=[before, before, after, after],
            group=layer.groups,
        )


def graph() -> bytes:
    """Return the graph: pictures (n x 224 x 224 x 3, uint8) to vectors (n x 1,280) and probabilities (n x 1,000)."""
    made = _Graph()
    low, high, half = made.constant("low", 0.0), made.constant("high", 6.0), made.constant("half", 127.5)
    numbers = made.add("Cast", ["pictures"], "numbers", to=TensorProto.FLOAT)
    scaled = made.add("Div", [made.add("Sub", [numbers, half], "centred"), half], "scaled")
    here = made.add("Transpose", [scaled], "planes", perm=[0, 3, 1, 2])
    for block in layers():
        first, came = block[0], here
        for layer in block:
            here = made.convolve(layer, here)
            if not layer.name.endswith(".narrow"):
                here = made.add("Clip", [here, low, high], f"{layer.name}.relu6")
        if first.name.endswith(".widen") and first.channels == block[-1].out and block[1].stride == 1:
            here = made.add("Add", [here, came], f"{first.name}.sum")
    made.add("Flatten", [made.add("GlobalAveragePool", [here], "mean")], "vectors", axis=1)
    classifier = [made.weight("classifier.weight", CLASSES, HEAD), made.weight("classifier.bias", CLASSES)]
    made.add("Softmax", [made.add("Gemm", ["vectors", *classifier], "logits", transB=1)], "probabilities", axis=1)
    model = helper.make_model(
        helper.make_graph(
            made.nodes,
            "EfficientNet-Lite0",
            [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", _SIDE, _SIDE, 3])],
            [
                helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", HEAD]),
                helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", CLASSES]),
            ],
            made.tensors,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
        producer_name="photoidx",
    )
    return model.SerializeToString(deterministic=True)


def main() -> None:
    """Write the graph."""
    sys.stdout.write(f"{PLACE.name}: {PLACE.write_bytes(graph()):,} bytes\n")


if __name__ == "__main__":
    main()
