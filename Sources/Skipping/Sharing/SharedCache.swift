import Glibc
import Synchronization
import SystemPackage
import Tracing

/// A directory of records and contents, and behind it a server that others share, by way of uwrx-cache.
///
/// The directory is asked first, and is filled by what the server gives: contents by their digests, and records whose signature holds. Records that are
/// not signed are believed for this run alone. What the server does wrong is as if it had nothing.
public final class SharedCache: RecordStore {
  /// What is asked of the server, and how much of it is believed.
  public struct Rules: Sendable {
    /// Nothing is uploaded.
    public var isReadOnly: Bool
    /// Whether records that nobody has signed are believed.
    public var trustsUnsigned: Bool

    public init(isReadOnly: Bool, trustsUnsigned: Bool) {
      self.isReadOnly = isReadOnly
      self.trustsUnsigned = trustsUnsigned
    }
  }

  private let local: SkipCache
  private let rules: Rules
  private let server: CacheClient
  /// Knows the team's key; nil where there is none.
  private let notary: CacheClient?
  private let uploads = UploadQueue()
  /// Of contents that records name.
  private let sizes = Mutex<[[UInt8]: Int64]>([:])
  /// What is not said twice.
  private let rejected = Atomic<Int>(0)

  /// Nanoseconds that the end of a run waits for what is to be uploaded.
  private static let patience: Int64 = 15_000_000_000

  /// - Parameters:
  ///   - server: a helper that speaks with the server.
  ///   - notary: one that knows the key.
  ///   - start: makes a thread of a function; false if there can be none.
  /// - Throws: `.resourceTemporarilyUnavailable` if there can be none.
  package init(
    _ local: SkipCache, _ rules: Rules, server: CacheClient, notary: CacheClient?,
    start: (@escaping @Sendable () -> Void) -> Bool
  ) throws(Errno) {
    self.local = local
    self.rules = rules
    self.server = server
    self.notary = notary
    if rules.isReadOnly { return }
    guard uploads.start(start, upload: { [weak self] in self?.upload($0) ?? nil }) else {
      throw .resourceTemporarilyUnavailable
    }
  }

  // MARK: What others have done

  public func records(of key: [UInt8], near hint: RecordHint) -> [SkipRecord] { local.records(of: key, near: hint) }

  /// A server's key is of both: what other contents have given is of no use to who looks there.
  static func key(_ key: [UInt8], _ hint: RecordHint) -> [UInt8] {
    SHA256.digest(Array("uwrx shared key 1\n".utf8) + key + hint.bytes)
  }

  public var hasFurtherRecords: Bool { true }

  public func furtherRecords(of local: [UInt8], near hint: RecordHint) -> [SkipRecord] {
    let key = Self.key(local, hint)
    let found = try? server.ask { channel throws(Errno) in
      var found: [[UInt8]] = []
      try channel.send(.lookUp(key: key))
      while true {
        switch try channel.receive() {
        case .record(let bytes) where found.count < SkipCache.mostRecords: found.append(bytes)
        case .end, .failed: return found
        default: throw .badMessage
        }
      }
    }
    return (found ?? []).compactMap { bytes in
      guard let shared = SharedRecord(bytes, of: key), let record = SkipRecord(text: shared.text), isBelieved(shared)
      else {
        rejected.add(1, ordering: .relaxed)
        return nil
      }
      sizes.withLock { sizes in
        for content in record.contents { sizes[content.digest] = content.size }
      }
      if notary != nil { try? self.local.add(record, of: local, near: hint) }
      return record
    }
  }

  private func isBelieved(_ shared: SharedRecord) -> Bool {
    guard let notary else { return rules.trustsUnsigned }
    guard let signature = shared.signature else { return false }
    return (try? notary.ask(.verify(shared.signed, signature: signature))) == .end
  }

  public func copy(_ digest: [UInt8], to file: FileDescriptor) throws(Errno) {
    do throws(Errno) { try local.copy(digest, to: file) } catch .noSuchFileOrDirectory {
      guard let size = sizes.withLock({ $0[digest] }) else { throw error(ENOENT) }
      try fetch(ContentName(digest: digest, size: size))
      // A half of what is damaged may stand there.
      guard ftruncate(file.rawValue, 0) == 0, lseek(file.rawValue, 0, SEEK_SET) == 0 else { throw error(errno) }
      try local.copy(digest, to: file)
    }
  }

  private func error(_ number: Int32) -> Errno { Errno(rawValue: number) }

  /// Fetches contents into the directory.
  /// - Throws: `.noSuchFileOrDirectory` if the server has not given them, whole.
  private func fetch(_ name: ContentName) throws(Errno) {
    guard name.size <= CacheMessage.largestContent else { throw .noSuchFileOrDirectory }
    let isThere = try server.ask { channel throws(Errno) in
      try channel.send(.fetch(name))
      var failure: Errno?
      let isThere = try local.add(name) { write throws(Errno) in
        while true {
          switch try channel.receive() {
          case .data(let bytes):
            // The answer is heard to its end, whatever the disk says.
            if failure == nil { do throws(Errno) { try write(bytes) } catch { failure = error } }
          case .end: return failure == nil
          case .failed: return false
          default: throw .badMessage
          }
        }
      }
      return isThere
    }
    if !isThere { throw .noSuchFileOrDirectory }
  }

  // MARK: What is done here

  public var wantsCommands: Bool { !rules.isReadOnly }

  public func add(
    _ record: SkipRecord, of key: [UInt8], near hint: RecordHint, started: StartedCommand?
  ) throws(Errno) {
    let digest = try local.keep(record, of: key, near: hint)
    if !rules.isReadOnly { uploads.add(UploadQueue.Upload(key: key, hint: hint, digest: digest, started: started)) }
  }

  /// - Returns: why it did not reach the server.
  private func upload(_ upload: UploadQueue.Upload) -> String? {
    guard let record = local.record(upload.digest, of: upload.key, near: upload.hint) else {
      return "it is not in the directory any more"
    }
    var shared = SharedRecord(key: Self.key(upload.key, upload.hint), text: record.text)
    if let notary {
      guard case .signature(let signature)? = try? notary.ask(.sign(shared.signed)) else {
        return "it cannot be signed"
      }
      shared.signature = signature
    }
    let bytes = shared.bytes
    let contents = Set(record.contents)
    guard bytes.count <= CacheMessage.largestRecord, contents.allSatisfy({ $0.size <= CacheMessage.largestContent })
    else {
      return "it is too large"
    }
    do throws(Errno) {
      return try server.ask { channel throws(Errno) in
        try channel.send(.missing(Array(contents)))
        switch try channel.receive() {
        case .names(let missing):
          for name in missing where contents.contains(name) {
            if let failure = try put(name, channel) { return failure }
          }
        case .failed(let reason): return reason
        default: throw .badMessage
        }
        try channel.send(.publish(key: shared.key, record: bytes, upload.started))
        switch try channel.receive() {
        case .end: return nil
        case .failed(let reason): return reason
        default: throw .badMessage
        }
      }
    } catch { return "uwrx-cache has ended" }
  }

  private func put(_ name: ContentName, _ channel: CacheChannel) throws(Errno) -> String? {
    try channel.send(.put(name))
    let isWhole = try local.read(name.digest) { piece throws(Errno) in try channel.send(.data(piece)) }
    try channel.send(isWhole ? .end : .failed("it is damaged"))
    switch try channel.receive() {
    case .end: return nil
    case .failed(let reason): return reason
    default: throw .badMessage
    }
  }

  // MARK: The directory's own

  public func note(_ note: StepNote, of step: [UInt8]) { local.note(note, of: step) }
  public func note(of step: [UInt8]) -> StepNote? { local.note(of: step) }

  public func digest(of file: FileDescriptor) throws(Errno) -> ContentDigest { try local.digest(of: file) }
  public func keep(_ file: FileDescriptor) throws(Errno) -> ContentDigest { try local.keep(file) }
  public func digest(of identity: ContentIdentity) -> ContentDigest? { local.digest(of: identity) }
  public func remember(_ digest: ContentDigest, of identity: ContentIdentity) { local.remember(digest, of: identity) }

  // MARK: The end

  /// - Returns: what the user is to know.
  public func finish() -> [String] {
    var lines: [String] = []
    var isCut = false
    if !rules.isReadOnly {
      let (lost, reason) = uploads.finish(by: monotonicTime() + Self.patience) {
        isCut = true
        server.close()
      }
      if lost > 0 { lines.append("the shared cache was not given \(lost) outcomes\(reason.map { ": \($0)" } ?? "")") }
    }
    let told = try? server.ask { channel throws(Errno) in
      var told: [String] = []
      try channel.send(.report)
      while case .note(let text) = try channel.receive(), told.count < 16 { told.append(text) }
      return told
    }
    lines += told ?? (isCut ? [] : ["uwrx-cache has ended: nothing was taken from the shared cache from then on"])
    let rejected = rejected.load(ordering: .relaxed)
    if rejected > 0 {
      let reason = notary == nil ? "" : ", or not signed with the key of --cache-key"
      lines.append("\(rejected) records of the shared cache were left out: they are damaged\(reason)")
    }
    server.close()
    notary?.close()
    return lines + local.finish()
  }
}
