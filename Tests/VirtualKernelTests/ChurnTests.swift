import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// Names that come and go for ever leave nothing behind.
struct ChurnTests {
  @Test func namesOfADirectory() throws {
    let machine = try Machine()
    let files = machine.kernel.files
    func sizes() -> [Int] {
      let (nodes, objects) = (files.nodes.counts, files.objects.counts)
      return [
        nodes.inodes, nodes.children, nodes.negatives, nodes.negativeNames, nodes.movedNumbers,
        objects.inodes, objects.inSkeleton, objects.nameless,
      ]
    }
    func churn(_ rounds: Int) throws {
      for round in 0..<rounds {
        let name = "/work/n\(round % 50)"
        try machine.close(machine.open(name, O_CREAT | O_WRONLY, 0o600))
        machine.call(.rename, name, "/work/other")
        machine.call(.unlink, "/work/other")
        machine.call(.access, "/tmp/missing\(round % 50)", F_OK)
        machine.call(.mkdir, "/tmp/d\(round % 50)", 0o700)
        machine.call(.rmdir, "/tmp/d\(round % 50)")
        machine.call(.symlink, "to", "/work/l")
        machine.call(.unlink, "/work/l")
        machine.call(.mknodat, AT_FDCWD, "/work/fifo", 0o010600, 0)
        machine.call(.openat, AT_FDCWD, "/work/fifo", O_RDWR)
        machine.call(.unlink, "/work/fifo")
      }
    }
    // Until the list of files without a name is full.
    try churn(3000)
    let before = sizes()
    try churn(3000)
    for (early, late) in zip(before, sizes()) { #expect(late < early + 3000) }
  }
}
