import CLinux
import Glibc
import SystemPackage

/// Identical contents are stored once. Only at the end of a run: nothing writes to a version then any more.
struct SharedContents: ~Copyable {
  private let host: any HostFiles
  /// The run's directory.
  private let trace: FileDescriptor
  private var path = PathBuffer()
  private var otherPath = PathBuffer()
  private var newPath = PathBuffer()

  init(_ host: any HostFiles, in trace: FileDescriptor) {
    self.host = host
    self.trace = trace
  }

  private struct Contents: Hashable {
    var size: Int64
    var digest: UInt64
  }

  /// Makes versions that are not the last of their path share the contents of an identical file. A last version keeps its own
  /// file, because it has its own times.
  /// - Parameters: places below the run's directory.
  /// - Returns: those of `live` whose file has got other names.
  mutating func storeOnce(_ kept: [[UInt8]], live: [[UInt8]]) -> Set<[UInt8]> {
    guard !kept.isEmpty else { return [] }
    var shared: Set<[UInt8]> = []
    let all = Set(live)
    let sizes = Set(kept.compactMap { size(of: $0) })
    var known: [Contents: [UInt8]] = [:]
    for place in live {
      guard let size = size(of: place), size > 0, sizes.contains(size), let contents = contents(of: place, size) else {
        continue
      }
      known[contents] = known[contents] ?? place
    }
    for place in kept {
      guard let size = size(of: place), size > 0, let contents = contents(of: place, size) else { continue }
      guard let other = known[contents], isSame(other, place) else {
        known[contents] = place
        continue
      }
      share(other, place)
      if all.contains(other) { shared.insert(other) }
    }
    return shared
  }

  private mutating func size(of place: [UInt8]) -> Int64? {
    path.clear()
    guard (try? path.append(place)) != nil, let status = try? host.status(trace, path.cString),
      status.st_mode & S_IFMT == S_IFREG
    else { return nil }
    return Int64(status.st_size)
  }

  private mutating func open(_ place: [UInt8]) -> FileDescriptor? {
    path.clear()
    guard (try? path.append(place)) != nil else { return nil }
    return try? host.open(trace, path.cString, flags: O_RDONLY | O_NOFOLLOW | O_CLOEXEC, mode: 0)
  }

  private mutating func contents(of place: [UInt8], _ size: Int64) -> Contents? {
    guard let file = open(place) else { return nil }
    defer { host.close(file) }
    var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    let isRead = forEachPiece(of: file) { bytes, offset in
      // Where there is a hole in one file there may be zeros in its equal.
      guard bytes.contains(where: { $0 != 0 }) else { return }
      digest ^= UInt64(offset)
      for word in stride(from: 0, to: bytes.count - 7, by: 8) {
        digest = (digest ^ bytes.loadUnaligned(fromByteOffset: word, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
        digest ^= digest >> 29
      }
      for byte in bytes.suffix(bytes.count % 8) { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    return isRead ? Contents(size: size, digest: digest) : nil
  }

  private mutating func isSame(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard let first = open(a) else { return false }
    defer { host.close(first) }
    guard let second = open(b) else { return false }
    defer { host.close(second) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 8)
    defer { buffer.deallocate() }
    var isSame = true
    // What is a hole in one of them may be data in the other.
    for (file, other) in [(first, second), (second, first)] where isSame {
      let isRead = forEachPiece(of: file) { bytes, offset in
        let count = (try? host.read(other, at: offset, into: buffer)) ?? -1
        isSame = isSame && count == bytes.count && memcmp(bytes.baseAddress!, buffer.baseAddress!, bytes.count) == 0
      }
      guard isRead else { return false }
    }
    return isSame
  }

  /// Reads what is not a hole, in pieces that begin at multiples of their size: a file of terabytes may hold next to nothing.
  private func forEachPiece(of file: FileDescriptor, _ body: (UnsafeRawBufferPointer, Int) -> Void) -> Bool {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 8)
    defer { buffer.deallocate() }
    var offset = 0
    while let data = host.nextData(of: file, from: offset) {
      offset = data & ~(pieceSize - 1)
      guard let count = try? host.read(file, at: offset, into: buffer) else { return false }
      if count == 0 { return true }
      body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer).prefix(count)), offset)
      // A file may end where numbers do.
      let next = offset.addingReportingOverflow(pieceSize)
      if next.overflow { return true }
      offset = next.partialValue
    }
    return true
  }

  /// `place` becomes another name of the file at `other`; if that fails it stays what it is.
  private mutating func share(_ other: [UInt8], _ place: [UInt8]) {
    let directory = LayerFinish.parent(of: place)
    path.clear()
    guard (try? path.append(directory)) != nil, let times = try? host.status(trace, path.cString) else { return }
    path.clear()
    otherPath.clear()
    newPath.clear()
    guard (try? path.append(place)) != nil, (try? otherPath.append(other)) != nil,
      (try? newPath.append(Array("archive/shared".utf8))) != nil,
      (try? host.link(trace, otherPath.cString, trace, newPath.cString)) != nil
    else { return }
    if (try? host.rename(trace, newPath.cString, trace, path.cString, flags: 0)) == nil {
      try? host.remove(trace, newPath.cString, isDirectory: false)
    }
    // The directory's times are the guest's.
    path.clear()
    guard (try? path.append(directory)) != nil else { return }
    try? host.setTimes(trace, path.cString, access: times.st_atim, modification: times.st_mtim)
  }
}

private let pieceSize = 1 << 16
