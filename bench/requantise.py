"""Writes a GGUF file anew with its small weights in another quantisation.

`python -m bench.requantise FROM TO [--type Q4_0]`; needs the package `gguf` (`pip install gguf`),
which nothing else here does. What is in 5 or 6 bits a weight goes to `--type`, values rounded anew:
the model that a provider serves who saves memory under the same name. Embeddings, norms and all
metadata stay as they are.
"""

import argparse

import gguf
import numpy as np

ROUNDED = ("Q5_0", "Q6_K", "Q4_K")


def main() -> None:
    """Read, round, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--type", default="Q4_0")
    asked = parser.parse_args()
    kind = gguf.GGMLQuantizationType[asked.type]
    reader = gguf.GGUFReader(asked.source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(asked.target, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        inner = field.types[1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    changed = 0
    for tensor in reader.tensors:
        data, of = tensor.data, tensor.tensor_type
        if of.name in ROUNDED and data.ndim > 1:
            plain = gguf.dequantize(data, of).astype(np.float32)
            data, of = gguf.quantize(plain, kind), kind
            changed += 1
        writer.add_tensor(tensor.name, data, raw_dtype=of)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{asked.target}: {changed} of {len(reader.tensors)} tensors in {asked.type}")


if __name__ == "__main__":
    main()
