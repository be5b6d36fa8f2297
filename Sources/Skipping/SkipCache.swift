import CLinux
import Glibc
import Synchronization
import SystemPackage
import Tracing

/// A directory of records and contents, shared by all runs of a user.
///
/// | in it | holds |
/// |---|---|
/// | `records/<kk>/<key>/<hint>-<digest>` | a record (``SkipRecord``) by the key of what was started, a hint and its own SHA-256 |
/// | `contents/<dd>/<digest>` | contents by their SHA-256 |
/// | `steps/<ss>/<step>` | what a step was last started with (``StepNote``) |
/// | `digests` | what the contents of files were when they were last seen, so that nobody reads them again |
/// | `new/` | what is being written |
///
/// Everything is made under another name and then renamed, so that many runs can use it, and one that is killed leaves nothing half. What is
/// read is verified by its digest: what is damaged is as if it were not there.
public final class SkipCache: RecordStore {
  private let directory: FileDescriptor
  var descriptor: Int32 { directory.rawValue }
  /// Bytes that it may take when a run has ended that has kept something.
  private let size: Int64
  private let digests = Mutex<[ContentIdentity: ContentDigest]>([:])
  private let fresh = Mutex<[(ContentIdentity, ContentDigest)]>([])
  private let added = Atomic<Int>(0)
  private let serial = Atomic<Int>(0)

  /// Records of a key beyond these are not looked at: with the hint, and with others, for who asks why.
  static let mostRecords = 64
  private static let mostOtherRecords = 4
  private static let mostNames = 100_000
  private static let longestRecord = 64 << 20
  private static let longestDigests = 64 << 20

  public static let usualSize: Int64 = 10 << 30

  /// - Parameters:
  ///   - path: of the directory.
  ///   - isMade: if it is missing; else that is an error.
  ///   - size: bytes that it may take; what was used longest ago goes first.
  /// - Throws: a message for the user: others may write there, or it cannot be used.
  public init(
    _ path: String, isMade: Bool = true, size: Int64 = SkipCache.usualSize
  ) throws(SkipCacheError) {
    self.size = size
    if isMade, mkdir(path, 0o700) < 0, errno != EEXIST {
      throw SkipCacheError("cannot make the cache \(path): \(Errno(rawValue: errno))")
    }
    let opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { throw SkipCacheError("cannot use the cache \(path): \(Errno(rawValue: errno))") }
    directory = FileDescriptor(rawValue: opened)
    var status = stat()
    guard fstat(opened, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
      close(opened)
      throw SkipCacheError(
        "the cache \(path) is not yours alone: whoever writes there decides what compilers give; chmod go-w, or name another"
      )
    }
    for name in ["records", "contents", "steps", "new"]
    where isMade && mkdirat(opened, name, 0o700) < 0 && errno != EEXIST {
      let failure = Errno(rawValue: errno)
      close(opened)
      throw SkipCacheError("cannot use the cache \(path): \(failure)")
    }
    loadDigests()
  }

  deinit { close(directory.rawValue) }

  /// - Returns: nil for what is no SHA-256 in hexadecimal, in lower case.
  public static func digest(text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count == 64 else { return nil }
    var result: [UInt8] = []
    var high: UInt8?
    for digit in text {
      let value: UInt8
      switch digit {
      case 0x30...0x39: value = digit - 0x30
      case 0x61...0x66: value = digit - 0x57
      default: return nil
      }
      if let first = high {
        result.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return result
  }

  private static func place(_ folder: String, _ digest: [UInt8]) -> (folder: String, path: String) {
    let text = String(decoding: SHA256.text(digest), as: UTF8.self)
    return ("\(folder)/\(text.prefix(2))", "\(folder)/\(text.prefix(2))/\(text)")
  }

  // MARK: Records

  public func records(of key: [UInt8], near hint: RecordHint) -> [SkipRecord] {
    let place = Self.place("records", key).path
    let directory = openat(directory.rawValue, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    var names: [(time: Int64, name: String, isNear: Bool)] = []
    let near = Self.text(hint.bytes)
    for name in Self.names(in: directory).prefix(Self.mostNames) {
      var status = stat()
      guard fstatat(descriptor, "\(place)/\(name)", &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      let time = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
      names.append((time, name, name.hasPrefix(near)))
    }
    names.sort { $0.time > $1.time }
    let chosen =
      names.filter(\.isNear).prefix(Self.mostRecords) + names.filter { !$0.isNear }.prefix(Self.mostOtherRecords)
    return chosen.compactMap { record in
      guard let digest = Self.recordDigest(record.name),
        let read = read("\(place)/\(record.name)", atMost: Self.longestRecord), SHA256.digest(read.bytes) == digest
      else { return nil }
      return SkipRecord(text: read.bytes)
    }
  }

  public var hasFurtherRecords: Bool { false }
  public func furtherRecords(of key: [UInt8], near hint: RecordHint) -> [SkipRecord] { [] }
  public var wantsCommands: Bool { false }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: SHA256.text(bytes), as: UTF8.self) }

  /// Of a record's name: `HINT-DIGEST`.
  static func recordDigest(_ name: String) -> [UInt8]? {
    let parts = name.split(separator: "-")
    return parts.count == 2 ? digest(text: parts[1].utf8) : nil
  }

  /// The record of a key that has this digest.
  func record(_ digest: [UInt8], of key: [UInt8], near hint: RecordHint) -> SkipRecord? {
    let name = "\(Self.text(hint.bytes))-\(Self.text(digest))"
    guard let read = read("\(Self.place("records", key).path)/\(name)", atMost: Self.longestRecord),
      SHA256.digest(read.bytes) == digest
    else { return nil }
    return SkipRecord(text: read.bytes)
  }

  public func add(
    _ record: SkipRecord, of key: [UInt8], near hint: RecordHint, started: StartedCommand? = nil
  ) throws(Errno) {
    _ = try keep(record, of: key, near: hint)
  }

  /// - Returns: the record's digest.
  func keep(_ record: SkipRecord, of key: [UInt8], near hint: RecordHint) throws(Errno) -> [UInt8] {
    let (folder, path) = Self.place("records", key)
    for made in [folder, path] where mkdirat(directory.rawValue, made, 0o700) < 0 && errno != EEXIST {
      throw Errno(rawValue: errno)
    }
    let text = record.text
    added.add(1, ordering: .relaxed)
    let new = try create()
    defer { close(new.file.rawValue) }
    try write(text, to: new.file)
    let digest = SHA256.digest(text)
    try move(new.name, to: "\(path)/\(Self.text(hint.bytes))-\(Self.text(digest))")
    return digest
  }

  public func note(_ note: StepNote, of step: [UInt8]) {
    let (folder, path) = Self.place("steps", step)
    if mkdirat(directory.rawValue, folder, 0o700) < 0, errno != EEXIST { return }
    guard let new = try? create() else { return }
    defer { close(new.file.rawValue) }
    do throws(Errno) {
      try write(note.text, to: new.file)
      try move(new.name, to: path)
    } catch { unlinkat(directory.rawValue, new.name, 0) }
  }

  public func note(of step: [UInt8]) -> StepNote? {
    read(Self.place("steps", step).path, atMost: Self.longestRecord).flatMap { StepNote(text: $0.bytes) }
  }

  // MARK: Contents

  public func digest(of file: FileDescriptor) throws(Errno) -> ContentDigest {
    var reader = ContentReader()
    try reader.read(file) { _ throws(Errno) in }
    return reader.finish()
  }

  public func keep(_ file: FileDescriptor) throws(Errno) -> ContentDigest {
    let new = try create()
    defer { close(new.file.rawValue) }
    var reader = ContentReader()
    do throws(Errno) {
      try reader.read(file) { bytes throws(Errno) in try write(bytes, to: new.file) }
    } catch {
      unlinkat(directory.rawValue, new.name, 0)
      throw error
    }
    let digest = reader.finish()
    let (folder, path) = Self.place("contents", digest.bytes)
    if mkdirat(directory.rawValue, folder, 0o700) < 0, errno != EEXIST { throw Errno(rawValue: errno) }
    try move(new.name, to: path)
    return digest
  }

  /// Keeps contents that come from elsewhere, unless they are others than they should be.
  /// - Parameter body: writes them, and tells whether they are whole.
  /// - Returns: whether they are kept.
  func add(
    _ name: ContentName, _ body: ((_ write: ([UInt8]) throws(Errno) -> Void) throws(Errno) -> Bool)
  ) throws(Errno) -> Bool {
    let new = try create()
    defer { close(new.file.rawValue) }
    var digest = SHA256()
    var size: Int64 = 0
    var isWhole = false
    do throws(Errno) {
      isWhole = try body { bytes throws(Errno) in
        digest.add(bytes)
        size += Int64(bytes.count)
        try write(bytes, to: new.file)
      }
    } catch {
      unlinkat(directory.rawValue, new.name, 0)
      throw error
    }
    guard isWhole, size == name.size, digest.finish() == name.digest else {
      unlinkat(directory.rawValue, new.name, 0)
      return false
    }
    added.add(1, ordering: .relaxed)
    let (folder, path) = Self.place("contents", name.digest)
    if mkdirat(directory.rawValue, folder, 0o700) < 0, errno != EEXIST { throw Errno(rawValue: errno) }
    try move(new.name, to: path)
    return true
  }

  /// Reads contents in pieces.
  /// - Returns: whether they are kept and whole: what `body` was given before is to be forgotten if they are not.
  func read(_ digest: [UInt8], _ body: ([UInt8]) throws(Errno) -> Void) throws(Errno) -> Bool {
    let source = openat(
      directory.rawValue, Self.place("contents", digest).path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard source >= 0 else { return false }
    defer { close(source) }
    var reader = ContentReader()
    try reader.read(FileDescriptor(rawValue: source)) { bytes throws(Errno) in try body(Array(bytes)) }
    return reader.finish().bytes == digest
  }

  public func copy(_ digest: [UInt8], to file: FileDescriptor) throws(Errno) {
    let path = Self.place("contents", digest).path
    let source = openat(directory.rawValue, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard source >= 0 else { throw .noSuchFileOrDirectory }
    defer { close(source) }
    var reader = ContentReader()
    try reader.read(FileDescriptor(rawValue: source)) { bytes throws(Errno) in try write(bytes, to: file) }
    guard reader.finish().bytes == digest else {
      // Damaged: whoever needs it makes it again.
      unlinkat(directory.rawValue, path, 0)
      throw .noSuchFileOrDirectory
    }
    // What was used last goes last.
    futimens(source, nil)
  }

  // MARK: Digests of files that were seen

  public func digest(of identity: ContentIdentity) -> ContentDigest? { digests.withLock { $0[identity] } }

  public func remember(_ digest: ContentDigest, of identity: ContentIdentity) {
    // A file that has just been changed may be changed again within the same tick of the file system's clock.
    var now = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &now)
    let age = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) - identity.changed
    guard age > Self.settled else { return }
    digests.withLock { $0[identity] = digest }
    fresh.withLock { $0.append((identity, digest)) }
  }

  private static let settled: Int64 = 2_000_000_000

  private func loadDigests() {
    guard let read = read("digests", atMost: Self.longestDigests) else { return }
    var known: [ContentIdentity: ContentDigest] = [:]
    for line in read.bytes.split(separator: 0x0a) {
      let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
      guard fields.count == 7, let device = UInt64(fields[0]), let inode = UInt64(fields[1]),
        let size = Int64(fields[2]),
        let modified = Int64(fields[3]), let changed = Int64(fields[4]), let bytes = Self.digest(text: fields[5].utf8)
      else { continue }
      known[
        ContentIdentity(device: device, inode: inode, size: size, modified: modified, changed: changed)] =
        ContentDigest(bytes: bytes, asksForTime: fields[6] == "t")
    }
    digests.withLock { $0 = known }
  }

  /// Keeps what was learnt of files for later runs. To be called when the run has ended.
  public func finish() -> [String] {
    keepDigests()
    if added.load(ordering: .relaxed) > 0, usage().bytes > size { _ = prune(to: size / 10 * 9) }
    return []
  }

  private func keepDigests() {
    let fresh = fresh.withLock { fresh in
      defer { fresh = [] }
      return fresh
    }
    guard !fresh.isEmpty else { return }
    let lines = fresh.map { identity, digest in
      "\(identity.device) \(identity.inode) \(identity.size) \(identity.modified) \(identity.changed) "
        + "\(String(decoding: SHA256.text(digest.bytes), as: UTF8.self)) \(digest.asksForTime ? "t" : "-")\n"
    }
    // A line that another run writes beside it is whole, too (write(2), O_APPEND).
    let file = openat(directory.rawValue, "digests", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return }
    defer { close(file) }
    // Files come and go: it begins anew when it has become long.
    if lseek(file, 0, SEEK_END) > Self.longestDigests / 2 { ftruncate(file, 0) }
    try? write(Array(lines.joined().utf8), to: FileDescriptor(rawValue: file))
  }

  // MARK: Files of the cache's own

  private func create() throws(Errno) -> (file: FileDescriptor, name: String) {
    let number = serial.add(1, ordering: .relaxed).newValue
    let name = "new/\(getpid())-\(number)-\(UInt32.random(in: 0 ... .max))"
    let file = openat(directory.rawValue, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o400)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    return (FileDescriptor(rawValue: file), name)
  }

  private func move(_ name: String, to path: String) throws(Errno) {
    guard renameat(directory.rawValue, name, directory.rawValue, path) == 0 else {
      let failure = Errno(rawValue: errno)
      unlinkat(directory.rawValue, name, 0)
      throw failure
    }
  }

  private func write(_ bytes: [UInt8], to file: FileDescriptor) throws(Errno) {
    let result: Result<Void, Errno> = bytes.withUnsafeBytes { bytes in
      do throws(Errno) { return .success(try write(bytes, to: file)) } catch { return .failure(error) }
    }
    try result.get()
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to file: FileDescriptor) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(file.rawValue, bytes.baseAddress! + done, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Errno(rawValue: errno) }
      done += count
    }
  }

  private func read(_ path: String, atMost most: Int) -> (bytes: [UInt8], time: Int64)? {
    let file = openat(directory.rawValue, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= most else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    guard (try? FileDescriptor(rawValue: file).readFully(at: 0, into: &bytes)) == bytes.count else { return nil }
    return (bytes, Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
  }

  /// Closes the directory.
  static func names(in directory: Int32) -> [String] {
    guard directory >= 0 else { return [] }
    guard let stream = fdopendir(directory) else {
      close(directory)
      return []
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}

/// A message for the user.
public struct SkipCacheError: Error, CustomStringConvertible {
  public let description: String
  package init(_ description: String) { self.description = description }
}

/// Reads contents once for all that is to be known of them.
private struct ContentReader: ~Copyable {
  private var digest = SHA256()
  private var isText = true
  private var isFirst = true
  private var asksForTime = false
  private static let size = 1 << 17
  /// The longest of the names, less one: so much of a piece is looked at with the next.
  private static let overlap = 12
  private static let names = ["__DATE__", "__TIME__", "__TIMESTAMP__"]

  mutating func read(
    _ file: FileDescriptor, _ body: (UnsafeRawBufferPointer) throws(Errno) -> Void
  ) throws(Errno) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.size + Self.overlap, alignment: 16)
    defer { buffer.deallocate() }
    var kept = 0
    var offset: off_t = 0
    while true {
      let count = pread(file.rawValue, buffer.baseAddress! + kept, Self.size, offset)
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw Errno(rawValue: errno) }
      if count == 0 { return }
      let bytes = UnsafeRawBufferPointer(start: buffer.baseAddress! + kept, count: count)
      digest.add(bytes)
      try body(bytes)
      if isFirst { isText = !Self.isObject(bytes) }
      isFirst = false
      if isText, !asksForTime {
        let all = UnsafeRawBufferPointer(start: buffer.baseAddress, count: kept + count)
        asksForTime = Self.names.contains { name in
          uwrx_memmem(all.baseAddress!, all.count, name, name.utf8.count) != nil
        }
        let rest = min(Self.overlap, all.count)
        memmove(buffer.baseAddress!, all.baseAddress! + all.count - rest, rest)
        kept = rest
      }
      offset += off_t(count)
    }
  }

  /// Programs, libraries, object files and archives of them, where such names mean nothing.
  private static func isObject(_ bytes: UnsafeRawBufferPointer) -> Bool {
    ["\u{7f}ELF", "!<arch>\n", "!<thin>\n"].contains { bytes.starts(with: $0.utf8) }
  }

  consuming func finish() -> ContentDigest {
    let asks = asksForTime
    return ContentDigest(bytes: digest.finish(), asksForTime: asks)
  }
}
