import CLinux
import Reproducibility
import SystemPackage

@testable import VirtualKernel

/// Random devices whose stream is the content of a file.
final class MockRandomDevices: RandomDevices {
  let world: World
  private let volume: Volume

  init(_ world: World) {
    self.world = world
    volume = world.makeVolume(isReadOnly: false)
  }

  func open(_ stream: RandomStream, isNonBlocking: Bool) throws(Errno) -> FileDescriptor {
    var stream = stream
    let node = Node(volume, mode: FileType.socket | 0o777)
    node.bytes = [UInt8](repeating: 0, count: 32)
    node.bytes.withUnsafeMutableBytes { stream.fill($0) }
    return world.insert(OpenFile(node, flags: 0))
  }
}
