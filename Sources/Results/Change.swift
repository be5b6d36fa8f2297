import Glibc
import SystemPackage

/// What applying a run would do to one path of the host.
struct Change {
  enum Kind: Equatable {
    case added, modified, removed
    /// Only permissions differ.
    case mode
    /// Only the time of the last modification differs.
    case touched
  }

  var kind: Kind
  /// In the guest, without a leading slash.
  var path: [UInt8]
  var place: HostPlaces.Place
  /// What is there; nil if nothing is.
  var old: stat?
  /// What the run left; nil if it has removed it.
  var new: MergedView.Found?
  /// Why it is not done unless it is forced.
  var conflict: String?
  /// Why it is not done unless the user names the path.
  var caution: Caution?
  /// Whether what the run left holds the certificate of a run's own authority.
  var holdsAuthority = false

  /// Permissions without set-id and sticky bits: who has them on the host is for its user to say.
  var newMode: UInt32 { (new?.mode ?? 0) & 0o777 }
  var dropsSetID: Bool { new.map { $0.type == S_IFREG && $0.mode & 0o6000 != 0 } ?? false }

  /// As git names it: A, M, D or T.
  var letter: String {
    switch kind {
    case .added: "A"
    case .removed: "D"
    case .mode, .touched: "M"
    case .modified: old.map { UInt32($0.st_mode) & S_IFMT != new?.type } == true ? "T" : "M"
    }
  }

  /// What git tells of: directories alone are nothing to it, nor are times.
  var isShown: Bool {
    if kind == .touched { return false }
    if kind == .mode { return true }
    return new.map { !$0.isDirectory } ?? (old.map { $0.st_mode & S_IFMT != S_IFDIR } ?? false) || isEmptyDirectory
  }
  /// A directory that nothing else tells of.
  var isEmptyDirectory = false
}

/// All that applying a run would do.
struct ChangeSet {
  /// In the order of the paths: a directory before what is put into it, and after what is taken out of it.
  var changes: [Change] = []
  /// What cannot be applied, and why.
  var leftOut: [(path: [UInt8], reason: String)] = []
  /// Of what the run has changed outside of the project.
  var elsewhere: [Change] = []
}
