"""TensorFlow's operators that reach outside of the graph.

Source: tensorflow/core/ops/*.cc: those that read or write files, call Python, start a server, or
send.
"""

import re

# What a SavedModel needs to load its own variables and vocabularies.
_NEEDED = frozenset(
    {
        "MergeV2Checkpoints",
        "ShardedFilename",
        "SaveV2",
        "RestoreV2",
        "InitializeTableFromTextFile",
        "InitializeTableFromTextFileV2",
        "InitializeTableFromDataset",
        "DebugGradientIdentity",
        "DebugGradientRefIdentity",
        "ReadVariableOp",
        "ReadVariableXlaSplitND",
    }
)
_WORDS = re.compile(
    r"File|PyFunc|Python|^Py[A-Z]|Rpc|Shell|Exec(?!utor)|Socket|Http|Server|^Print|Debug|Dump"
    r"|SummaryWriter|^Write|WriteGraph|RecordReader|RecordDataset|TextLine|LMDB|Bigtable"
    r"|BigQuery|Kafka|SaveDataset|LoadDataset|SaveSlices|RestoreSlice|^Save$|^Restore$|Snapshot"
    r"|GeneratorDataset|RemoteCall|RemoteFused|ImportEvent|FixedLength|^Host|RegisterDataset"
    r"|DataService|SqlDataset|_Send$|LoadAndRemap|LoadLibrary|XlaHostCompute|CSVDataset"
)


def is_dangerous(operator: str) -> bool:
    return operator not in _NEEDED and _WORDS.search(operator) is not None
