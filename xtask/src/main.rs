//! Guards of the tree.
fn main() {}
