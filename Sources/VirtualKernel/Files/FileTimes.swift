import CLinux
import Glibc
import Reproducibility

/// What stat(2) tells of times in a run with a virtual clock.
///
/// Who writes to a file is not seen, so its times are found out when somebody asks: where the host's have moved since the last answer, it was
/// written, and gets a time past the clocks of all that could have. So what was made is newer than what it was made from, whose time its maker
/// has seen. Of files that one process has changed the one that it has opened later is newer, whichever is asked about first.
final class FileTimes {
  /// A process that could have changed a file since it was last asked about.
  private struct Holder {
    let clock: ProcessClock
    /// Its place among all that was opened to be changed.
    let opening: UInt64
  }

  private struct Stamp {
    /// What the host said, and what was answered.
    var hostModified = timespec()
    var hostChanged = timespec()
    var modified: UInt64 = 0
    var changed: UInt64 = 0
    /// Set by who may, and so told as it is (utimensat(2)).
    var isExplicit = false
  }

  /// What was there before the run began is no newer.
  let epoch: UInt64
  private let tick: UInt64
  /// From here on the host's times are those of the run's own doing.
  private let hostStart: UInt64
  private var stamps: [InodeID: Stamp] = [:]
  private var holders: [InodeID: [Holder]] = [:]
  /// From so many on, those that have ended are told by one of them.
  private static let manyHolders = 16
  private var lastOpening: UInt64 = 0
  /// lstat(2) of a file of the run's on the host.
  private let hostStatus: (InodeID) -> stat?
  /// The process whose call is being decided.
  var caller: ProcessClock?

  /// - Parameters:
  ///   - start: when the run's own layer was made, by the file clock of the host: that clock is late by some milliseconds, and how long ago it
  ///     was depends on the load.
  init(_ rule: ClockRule, start: timespec, hostStatus: @escaping (InodeID) -> stat?) {
    self.hostStatus = hostStatus
    epoch = rule.epoch
    tick = max(rule.tick, 1)
    hostStart = start.sinceEpoch
  }

  /// The caller changes a file, or holds it open for that from now on.
  func note(_ inode: InodeID) {
    guard inode != .none, let caller else { return }
    lastOpening += 1
    var known = holders[inode] ?? []
    known.removeAll { $0.clock === caller }
    if known.count >= Self.manyHolders { Self.fold(&known) }
    known.append(Holder(clock: caller, opening: lastOpening))
    holders[inode] = known
    caller.openings.append(FileOpening(file: inode.index, number: lastOpening))
  }

  /// Of those that have ended only the latest counts.
  private static func fold(_ holders: inout [Holder]) {
    func time(_ holder: Holder) -> UInt64 { max(holder.clock.shown, holder.clock.lastStamp) }
    let last = holders.filter(\.clock.hasEnded).max { time($0) < time($1) }
    holders.removeAll { $0.clock.hasEnded && $0.clock !== last?.clock }
  }

  /// A file's times are set: what `utimensat` was given, with the present time in the place of UTIME_NOW.
  func resolve(_ time: timespec) -> timespec {
    guard time.tv_nsec == UTIME_NOW_ else { return time }
    return timespec(nanoseconds: caller?.touch() ?? epoch)
  }

  /// The host has set a file's time to what it was given.
  func didSet(_ inode: InodeID, modification: timespec) {
    guard modification.tv_nsec != UTIME_OMIT_ else { return }
    var stamp = stamps[inode] ?? Stamp()
    (stamp.hostModified, stamp.isExplicit) = (modification, true)
    stamps[inode] = stamp
    note(inode)
  }

  func forget(_ inode: InodeID) {
    stamps[inode] = nil
    holders[inode] = nil
  }

  /// Puts the guest's times in the place of the host's.
  /// - Parameters:
  ///   - isOpen: the caller holds it open, and may have written to it although another has opened it.
  ///   - isSeen: the caller learns of it.
  func translate(_ status: inout stat, of inode: InodeID, isOpen: Bool = false, isSeen: Bool = true) {
    for holder in holders[inode] ?? [] { settle(openingsOf: holder.clock, before: holder.opening) }
    let (hostModified, hostChanged) = (status.st_mtim, status.st_ctim)
    let stamp = stamp(inode, hostModified, hostChanged, isOpen: isOpen)
    if !stamp.isExplicit {
      status.st_mtim = isOwn(hostModified) ? timespec(nanoseconds: stamp.modified) : clamped(hostModified)
    }
    status.st_ctim = timespec(nanoseconds: max(stamp.changed, epoch))
    // Whether a file was read does not show.
    status.st_atim =
      isOwn(status.st_atim) ? status.st_mtim : stamp.isExplicit ? status.st_atim : clamped(status.st_atim)
    if isSeen, status.st_mode & S_IFMT == S_IFREG, isOwn(hostModified) { caller?.lift(to: stamp.modified) }
  }

  /// Gives what a process has opened before something their times before it.
  private func settle(openingsOf clock: ProcessClock, before opening: UInt64) {
    while let first = clock.openings.popFirst(before: opening) {
      let inode = InodeID(index: first.file)
      // It may be held no more, or again.
      guard holders[inode]?.contains(where: { $0.opening == first.number }) ?? false,
        let status = hostStatus(inode)
      else { continue }
      _ = stamp(inode, status.st_mtim, status.st_ctim, isOpen: false)
    }
  }

  private func stamp(
    _ inode: InodeID, _ hostModified: timespec, _ hostChanged: timespec, isOpen: Bool
  ) -> Stamp {
    var stamp = stamps[inode] ?? Stamp()
    let wasModified = hostModified != stamp.hostModified
    if wasModified || hostChanged != stamp.hostChanged {
      let now = present(inode, isOpen: isOpen, after: max(stamp.modified, stamp.changed))
      if wasModified { (stamp.modified, stamp.isExplicit) = (now, false) }
      if hostChanged != stamp.hostChanged { stamp.changed = now }
      (stamp.hostModified, stamp.hostChanged) = (hostModified, hostChanged)
      stamps[inode] = stamp
    }
    return stamp
  }

  /// One tick past the latest clock of all holders.
  private func present(_ inode: InodeID, isOpen: Bool, after last: UInt64) -> UInt64 {
    let known = holders[inode] ?? []
    var latest = max(last, epoch)
    for holder in known { latest = max(latest, holder.clock.shown, holder.clock.lastStamp) }
    if isOpen || known.isEmpty, let caller { latest = max(latest, caller.shown) }
    // Those that have ended will write no more.
    holders[inode] = known.allSatisfy(\.clock.hasEnded) ? nil : known.filter { !$0.clock.hasEnded }
    for holder in known { holder.clock.lastStamp = latest + tick }
    return latest + tick
  }

  /// What no process of the guest's has made: what was there is older than the run. All that is newer than the epoch is of the second before
  /// it, and which is newer can still be told, for make(1).
  func clamped(_ time: timespec) -> timespec {
    guard time.sinceEpoch > epoch, epoch > Self.second else { return time }
    let rest = Self.end - min(time.sinceEpoch, Self.end)
    return timespec(nanoseconds: epoch - 1 - min(rest / max(1, (Self.end - epoch) / Self.second), Self.second - 1))
  }

  private static let second: UInt64 = 1_000_000_000
  /// The year 2262.
  private static let end = UInt64(Int64.max)

  /// Puts the guest's times in the place of the host's where a file is none of the tree's: inherited, a pipe, a socket, a terminal, in /proc.
  func translateForeign(_ status: inout stat) {
    // Only what lies on a disk is older than the run.
    let isKept = [S_IFREG, S_IFDIR, S_IFLNK].contains(status.st_mode & S_IFMT)
    let start = timespec(nanoseconds: epoch)
    status.st_mtim = isKept && !isOwn(status.st_mtim) ? clamped(status.st_mtim) : start
    status.st_ctim = isKept && !isOwn(status.st_ctim) ? clamped(status.st_ctim) : start
    status.st_atim = status.st_mtim
  }

  private func isOwn(_ time: timespec) -> Bool { time.sinceEpoch >= hostStart }
}

extension timespec {
  /// Nanoseconds; 0 for what is before 1970.
  var sinceEpoch: UInt64 {
    tv_sec < 0 ? 0 : UInt64(min(tv_sec, 1 << 33)) * 1_000_000_000 + UInt64(max(0, tv_nsec))
  }

  static func != (one: timespec, other: timespec) -> Bool {
    one.tv_sec != other.tv_sec || one.tv_nsec != other.tv_nsec
  }
}
