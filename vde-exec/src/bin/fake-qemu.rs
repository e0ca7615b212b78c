//! A program in QEMU's place, for tests: see `vde_exec::testkit::fake_qemu`.

fn main() {
    vde_exec::testkit::fake_qemu::main();
}
