import SystemPackage

@testable import VirtualKernel

/// The memory of a guest: pages, with holes between them.
final class MockMemory: GuestMemory {
  private struct Page {
    var bytes = [UInt8](repeating: 0, count: 4096)
    var isWritable = true
  }

  private var pages: [UInt64: Page] = [:]
  private var next: UInt64 = 0x10_0000
  /// False once the caller of the notification has been killed or interrupted.
  var isCallerWaiting = true
  /// Every read fails with this from now on.
  var readError: Errno?

  func read(_ thread: AbsTid, at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    if let readError { throw readError }
    var count = 0
    while count < buffer.count, let byte = byte(at: address &+ UInt64(count)) {
      buffer[count] = byte
      count += 1
    }
    if count == 0, buffer.count > 0 { throw .badAddress }
    return count
  }

  func write(_ thread: AbsTid, at address: UInt64, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    for (offset, byte) in bytes.enumerated() {
      let place = address &+ UInt64(offset)
      guard pages[place >> 12]?.isWritable == true else { throw .badAddress }
      pages[place >> 12]?.bytes[Int(place & 4095)] = byte
    }
  }

  private(set) var patches: [(address: UInt64, patch: CodePatch)] = []
  var patchError: Errno?
  func patch(
    _ thread: AbsTid, of group: ThreadGroup, at address: UInt64, _ patches: [CodePatch]
  ) throws(Errno) {
    if let patchError { throw patchError }
    self.patches += patches.map { (address, $0) }
  }

  func forgetPatches() { patches = [] }

  func isWaiting(_ notification: UInt64) -> Bool { isCallerWaiting }

  private func byte(at address: UInt64) -> UInt8? { pages[address >> 12]?.bytes[Int(address & 4095)] }

  /// A place for `count` bytes that ends where a page that is not mapped begins, so that who reads or writes too much fails.
  func allocate(_ count: Int, isWritable: Bool = true) -> UInt64 {
    let pageCount = UInt64((count + 4095) / 4096)
    let start = next
    for page in 0..<pageCount { pages[(start >> 12) + page] = Page(isWritable: isWritable) }
    next += (pageCount + 1) << 12
    return start + pageCount << 12 - UInt64(count)
  }

  func place(_ bytes: [UInt8], isWritable: Bool = true) -> UInt64 {
    let address = allocate(bytes.count, isWritable: isWritable)
    for (offset, byte) in bytes.enumerated() {
      let place = address + UInt64(offset)
      pages[place >> 12]?.bytes[Int(place & 4095)] = byte
    }
    return address
  }

  func place(_ path: String) -> UInt64 { place(Array(path.utf8) + [0]) }

  func place<Value: BitwiseCopyable>(value: Value, isWritable: Bool = true) -> UInt64 {
    place(withUnsafeBytes(of: value) { Array($0) }, isWritable: isWritable)
  }

  func load<Value: BitwiseCopyable>(_ type: Value.Type, at address: UInt64) -> Value {
    bytes(at: address, count: MemoryLayout<Value>.size).withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
  }

  func bytes(at address: UInt64, count: Int) -> [UInt8] { (0..<UInt64(count)).map { byte(at: address + $0) ?? 0 } }
}
