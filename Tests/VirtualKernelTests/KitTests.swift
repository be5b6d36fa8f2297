import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// The mocks notice what they are there to notice.
struct KitTests {
  @Test func changeOfALowerLayerIsAnIssue() throws {
    let machine = try Machine()
    let root = machine.kernel.files.lowerLayers.layers[0].root
    withKnownIssue { #expect(throws: Errno.readOnlyFileSystem) { try machine.host.setMode(root, "etc/passwd", 0o777) } }
    withKnownIssue { _ = try? machine.host.open(root, "etc/passwd", flags: O_RDWR, mode: 0) }
    withKnownIssue { _ = try? machine.host.remove(root, "etc/passwd", isDirectory: false) }
    #expect(try machine.text("/etc/passwd") == "root:x:0:0\n")
  }

  @Test func pathOfTheHostThatIsNotCanonicalOrGoesThroughALinkIsAnIssue() throws {
    let machine = try Machine()
    let root = machine.kernel.files.lowerLayers.layers[0].root
    for path in ["../x", "etc//passwd", "etc/./passwd", "bin/tool"] {
      withKnownIssue { _ = try? machine.host.status(root, path) }
    }
  }

  @Test func descriptorThatIsUsedAfterItsCloseIsAnIssue() throws {
    let machine = try Machine()
    let file = try machine.host.open(
      machine.kernel.files.lowerLayers.layers[0].root, "etc/passwd", flags: O_RDONLY, mode: 0)
    machine.host.close(file)
    withKnownIssue { machine.host.close(file) }
    withKnownIssue { _ = try? machine.host.status(of: file) }
  }

  @Test func memoryEndsAtAPageThatIsNotMapped() throws {
    let memory = MockMemory()
    let address = memory.place("abc")
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 10, alignment: 1)
    defer { buffer.deallocate() }
    #expect(try memory.read(AbsTid(rawValue: 1), at: address, into: buffer) == 4)
    #expect(Array(buffer.prefix(4)) == [0x61, 0x62, 0x63, 0])
    #expect(throws: Errno.badAddress) { try memory.read(AbsTid(rawValue: 1), at: address + 4, into: buffer) }
  }
}
