"""Merkle trees with the hashes of RFC 6962: one root for a list of leaves, and audit paths.

A root of 32 bytes commits to the whole list. An audit path has one hash for each level of the tree
and shows that one leaf is in the list, without the other leaves.
"""

from collections.abc import Sequence
from hashlib import sha256

_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf. The prefix keeps a leaf from being taken for a node."""
    return sha256(_LEAF + leaf).digest()  # guard: merkle.leaf-is-no-node


class Tree:
    """A tree over the hashes of its leaves, in their order."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_next_level(self._levels[-1]))

    @property
    def root(self) -> bytes:
        """The root (RFC 6962, section 2.1)."""
        return self._levels[-1][0] if self._levels[-1] else sha256().digest()

    def audit_path(self, index: int) -> list[bytes]:
        """Return the hashes beside the way from a leaf to the root (RFC 6962, section 2.1.1)."""
        path = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index //= 2
        return path


def path_length(index: int, tree_size: int) -> int:
    """Return how many hashes the audit path of a leaf has."""
    length = 0
    while tree_size > 1:
        length += index ^ 1 < tree_size
        index, tree_size = index // 2, (tree_size + 1) // 2
    return length


def root_from_path(leaf: bytes, index: int, tree_size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an audit path leads to, or None if the path does not fit the tree.

    ``leaf`` is the hash of the leaf at ``index`` (from 0). The method is that of RFC 9162,
    section 2.1.3.2.
    """
    if not 0 <= index < tree_size:
        return None
    last, found = tree_size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            found = _node_hash(sibling, found)
            while index % 2 == 0 and index != 0:
                index, last = index // 2, last // 2
        else:
            found = _node_hash(found, sibling)
        index, last = index // 2, last // 2
    return found if last == 0 else None


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    # The last hash of an odd number goes up as it is: it is not paired with itself.
    pairs = [_node_hash(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
    return pairs + list(level[len(level) - len(level) % 2 :])


def _node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
