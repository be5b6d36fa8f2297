import Glibc
import Skipping
import SystemPackage
import Tracing

/// A record all of whose questions have the same answers today, on its way to being the outcome.
///
/// Its contents are copied without the virtual kernel's lock to files without names, which are then given theirs.
final class SkipMatch: BlockingWork, @unchecked Sendable {
  let record: SkipRecord
  private let store: any RecordStore
  private let host: any HostFiles
  /// For each output what is to stand there; nil for nothing.
  private var files: [FileDescriptor?] = []
  /// How many outputs were placed.
  var placed = 0
  /// Of the next one: what stood there is gone.
  var isVacated = false
  /// Those around the unit know what it would have asked.
  var isAbsorbed = false
  private(set) var hasFailed = false

  init(_ record: SkipRecord, _ store: any RecordStore, _ host: any HostFiles) {
    self.record = record
    self.store = store
    self.host = host
  }

  deinit { for place in files.indices { close(place) } }

  /// The contents of the next output.
  var contents: FileDescriptor? { files[placed] }

  /// The next output stands where it is to be: nobody is to be told that it is open.
  func didPlace() {
    close(placed)
    placed += 1
    isVacated = false
  }

  private func close(_ place: Int) {
    files[place].map { host.close($0) }
    files[place] = nil
  }

  /// Makes the files, in the layers that their directories are of. Under the lock.
  func prepare(_ call: Call) throws(Errno) {
    for output in record.outputs {
      guard case .file(let file) = output.after else {
        files.append(nil)
        continue
      }
      // In the layer of the nearest directory that is there, in which the others will be made.
      var parent = DentryID.none
      var path = output.path
      while parent == .none {
        path = Unit.directory(of: path)
        guard let found = try call.files.find(path, call) else { throw .noSuchFileOrDirectory }
        parent = found
      }
      guard call.files.nodes.inode(of: parent).pointee.kind == .directory else { throw .notDirectory }
      let store = call.files.nodes.directory(of: parent).store
      try call.files.upperLayer.requireSpace(store, for: file.size)
      files.append(
        try host.open(
          call.files.upperLayer.root(store), "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC, mode: 0o600))
    }
  }

  func perform() throws(Errno) {
    for (output, file) in zip(record.outputs, files) {
      if let file, case .file(let contents) = output.after {
        do throws(Errno) { try store.copy(contents.digest, to: file) } catch { return hasFailed = true }
      }
    }
  }

  func publish(failed: Bool) throws(Errno) {}
}

/// The records of a key are read, or the further ones.
final class RecordSearch: BlockingWork, @unchecked Sendable {
  private let unit: Unit
  private let store: any RecordStore
  private let known: [SkipRecord]?
  private var found: [SkipRecord] = []
  private var earlier: StepNote?

  /// - Parameter known: those that were found, if the further ones are looked for.
  init(_ unit: Unit, _ store: any RecordStore, beyond known: [SkipRecord]? = nil) {
    self.unit = unit
    self.store = store
    self.known = known
  }

  func perform() throws(Errno) {
    // The further ones stand behind those that are known.
    found = known ?? []
    func look(_ key: [UInt8]) -> [SkipRecord] {
      known == nil ? store.records(of: key, near: unit.hint) : store.furtherRecords(of: key, near: unit.hint)
    }
    if let key = unit.sharedKey, let place = unit.place { found += look(key).map { $0.brought(to: place) } }
    found += look(unit.key)
    if found.isEmpty { earlier = store.note(of: unit.start.step) }
  }

  func publish(failed: Bool) throws(Errno) {
    unit.phase = .loaded(found)
    unit.earlier = earlier
  }
}

/// Files of which it is to be known what they contain.
final class ContentSearch: BlockingWork, @unchecked Sendable {
  struct File {
    let identity: ContentIdentity
    /// Of a file of a lower layer, which stays as it is.
    let lower: HostIdentity?
    let file: FileDescriptor
  }

  private var files: [File]
  private var identities: [ContentIdentity] = []
  private let skipper: Skipper
  private let unit: Unit
  private let host: any HostFiles
  private var found: [(File, ContentDigest)] = []

  /// - Parameter files: are closed.
  init(_ files: [File], _ skipper: Skipper, _ unit: Unit, _ host: any HostFiles) {
    self.files = files
    self.skipper = skipper
    self.unit = unit
    self.host = host
  }

  deinit { close() }

  func perform() throws(Errno) {
    identities = files.map(\.identity)
    for file in files {
      // What cannot be read matches nothing.
      if let digest = try? skipper.store.digest(of: file.file) { found.append((file, digest)) }
    }
    close()
  }

  /// Nobody is to be told that it is open.
  private func close() {
    for file in files { host.close(file.file) }
    files = []
  }

  func publish(failed: Bool) throws(Errno) {
    for (file, digest) in found {
      skipper.store.remember(digest, of: file.identity)
      if let lower = file.lower { skipper.lowerDigests[lower] = digest } else { unit.digests[file.identity] = digest }
    }
    unit.tried.formUnion(identities)
  }
}

/// The bytes that a skipped process would have written.
final class SkippedOutput: BlockingWork, @unchecked Sendable {
  private let pieces: [(file: FileDescriptor, bytes: [UInt8])]
  private let memory: any GuestMemory
  private let descriptors: any DescriptorBroker
  private let notification: UInt64
  private let unit: Unit
  private var isSaid = false

  /// - Parameter pieces: their files are released.
  init(
    _ pieces: [(file: FileDescriptor, bytes: [UInt8])], _ call: Call, _ unit: Unit
  ) {
    self.pieces = pieces
    self.unit = unit
    memory = call.kernel.memory
    descriptors = call.kernel.descriptors
    notification = call.notification.id
  }

  deinit { for piece in pieces { descriptors.release(piece.file) } }

  func perform() throws(Errno) {
    for piece in pieces {
      // Who is killed while nobody reads says no more.
      try descriptors.write(piece.bytes, to: piece.file) { memory.isWaiting(notification) }
    }
    isSaid = true
  }

  func publish(failed: Bool) throws(Errno) { unit.hasSaid = isSaid && !failed }
}
