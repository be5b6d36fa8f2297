import Glibc
import SystemPackage

/// The exchanges of a domain, `net/<domain>/requests/log`: a record after the other (``ExchangeRecord``), in the order in which they ended. It may hold anything.
package final class ExchangeLog: Sendable {
  package static let name = "log"

  private let file: FileDescriptor

  /// - Parameter requests: the directory that it is in.
  /// - Returns: nil if there is none.
  /// - Throws: what the file system says, or that the exchanges are recorded in another way.
  package init?(in requests: FileDescriptor) throws(ExchangeFormatError) {
    let opened = openat(requests.rawValue, Self.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    if opened < 0, errno == ENOENT {
      try Self.refuseEarlierForm(requests)
      return nil
    }
    guard opened >= 0 else { throw ExchangeFormatError("\(Errno(rawValue: errno))") }
    file = FileDescriptor(rawValue: opened)
    var status = stat()
    guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw ExchangeFormatError("it is no regular file")
    }
  }

  deinit { close(file.rawValue) }

  /// Each exchange had a directory once.
  private static func refuseEarlierForm(_ requests: FileDescriptor) throws(ExchangeFormatError) {
    let digits = CChar(0x30)...0x39
    let names = (try? DirectoryWalk.names(in: requests.rawValue)) ?? []
    if names.contains(where: { $0.count > 1 && $0.dropLast().allSatisfy { digits.contains($0) } }) {
      throw ExchangeFormatError("it was recorded by an earlier version of uwrx, in a form that this one does not read")
    }
  }

  private var size: Int {
    var status = stat()
    return fstat(file.rawValue, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Bytes of it; fewer where it ends before.
  package func bytes(_ range: Range<Int>) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    bytes.removeLast(range.count - (try file.readFully(at: Int64(range.lowerBound), into: &bytes)))
    return bytes
  }

  /// What stands in it.
  package struct Contents: Sendable {
    package var records: [ExchangeRecord] = []
    /// Where the last whole record ends.
    package var end = 0
    /// What is wrong with what follows that; nil where it has its end there, or breaks off, as it does where whoever wrote it was killed.
    package var damage: ExchangeFormatError?

    package init() {}
  }

  /// - Parameter most: no more records are read.
  package func contents(most: Int = .max) throws(Errno) -> Contents {
    let size = size
    var contents = Contents()
    var window: (start: Int, bytes: [UInt8]) = (0, [])
    /// Bytes from a place on; fewer than so many at the end alone.
    func look(_ start: Int, _ count: Int) throws(Errno) -> ArraySlice<UInt8> {
      let wanted = min(count, size - start)
      if start < window.start || start + wanted > window.start + window.bytes.count {
        window = (start, try bytes(start..<start + min(max(count, Self.windowSize), size - start)))
      }
      return window.bytes[(start - window.start)...].prefix(wanted)
    }
    while contents.end < size, contents.records.count < most {
      let head = try look(contents.end, ExchangeRecord.longestHead)
      guard let length = Self.headLength(head) else {
        if head.count == ExchangeRecord.longestHead { contents.damage = ExchangeFormatError("a head has no end") }
        return contents
      }
      do throws(ExchangeFormatError) {
        let record = try ExchangeRecord(parsing: head.prefix(length), at: contents.end)
        guard record.end <= size else { return contents }
        guard try Self.last(look, record.end - 1) == 0x0a else { throw ExchangeFormatError("a record has no end") }
        contents.records.append(record)
        contents.end = record.end
      } catch {
        contents.damage = error
        return contents
      }
    }
    return contents
  }

  private static let windowSize = 64 << 10

  private static func last(
    _ look: (Int, Int) throws(Errno) -> ArraySlice<UInt8>, _ place: Int
  ) throws(ExchangeFormatError) -> UInt8? {
    do throws(Errno) { return try look(place, 1).first } catch { throw ExchangeFormatError("\(error)") }
  }

  private static func headLength(_ bytes: ArraySlice<UInt8>) -> Int? {
    var place = bytes.startIndex
    while let feed = bytes[place...].firstIndex(of: 0x0a) {
      if feed + 1 < bytes.endIndex, bytes[feed + 1] == 0x0a { return feed + 2 - bytes.startIndex }
      place = feed + 1
    }
    return nil
  }
}
