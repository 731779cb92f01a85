"""The tree of a manifest has the hashes of RFC 6962, and a path shows one leaf of it."""

import pytest

from closebook.statements.merkle import Tree, leaf_hash, root_from_path

# The inputs and roots of the test vectors of Certificate Transparency (RFC 6962, merkle_tree_test).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243"),
        *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_root_is_that_of_the_published_vectors(size: int) -> None:
    assert Tree([leaf_hash(leaf) for leaf in LEAVES[:size]]).root.hex() == ROOTS[size]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 100])
def test_each_leaf_leads_to_the_root_and_no_other_leaf_does(size: int) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    tree = Tree(leaves)
    for index, leaf in enumerate(leaves):
        path = tree.audit_path(index)
        assert root_from_path(leaf, index, size, path) == tree.root
        assert root_from_path(leaf_hash(b"another"), index, size, path) != tree.root
        for wrong in (index - 1, index + 1, size + 1):
            assert root_from_path(leaf, wrong, size, path) != tree.root
        assert root_from_path(leaf, index, size, [*path, leaf]) != tree.root
        if path:
            assert root_from_path(leaf, index, size, path[:-1]) != tree.root


def test_a_node_is_not_taken_for_a_leaf() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(4)]
    left = Tree(leaves[:2]).root
    assert leaf_hash(leaves[0] + leaves[1]) != left
