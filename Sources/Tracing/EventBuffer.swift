import CLinux
import Glibc
import SystemPackage

/// The file that holds a run's records until they are in its `perfetto` file: `events`, while the run goes on or was killed.
///
/// Its first page is a header of little-endian words. The records follow, in a ring: a record at offset `o` of all that were
/// ever written is at `o` modulo the capacity. A record does not cross the end of the ring; a byte of 0xff stands where one
/// would, and the ring goes on at its start. What is written to the mapping outlives the process.
///
///     0   "uwrxevt" and the number of the format
///     8   capacity of the ring, in bytes
///     16  end of the records
///     24  end of the records of calls that were answered: what is to be moved to `perfetto`
///     32  which of the two pairs that follow holds, 0 or 1
///     40  end of the records that are in `perfetto`, and its length then; and so again at 56
///     72  1 if another file, with all records, has taken the place of `perfetto`: then the buffer is of use only to those who have opened both
///
/// The process that writes it holds a lock on it (flock(2)).
enum EventBuffer {
  static let magic: UInt64 = 0x0174_7665_7872_7775
  static let headerSize = 4096
  /// What is reserved, and given back, at once.
  static let windowSize = 1 << 20
  static let wrap: UInt8 = 0xff

  enum Word: Int {
    case magic = 0
    case capacity = 8
    case end = 16
    case finished = 24
    case pair = 32
    case firstPair = 40
    case secondPair = 56
    case isReplaced = 72
  }

  /// How far the records have been moved to `perfetto`.
  struct Progress: Equatable {
    var drained: UInt64 = 0
    /// Bytes of `perfetto`.
    var length: UInt64 = 0
  }

  static func load(_ header: UnsafeRawPointer, _ word: Word) -> UInt64 { uwrx_load(header + word.rawValue) }

  static func store(_ header: UnsafeMutableRawPointer, _ word: Word, _ value: UInt64) {
    uwrx_store(header + word.rawValue, value)
  }

  static func progress(_ header: UnsafeRawPointer) -> Progress {
    while true {
      let pair = load(header, .pair)
      let base = header + (pair & 1 == 0 ? Word.firstPair : .secondPair).rawValue
      let progress = Progress(drained: uwrx_load(base), length: uwrx_load(base + 8))
      // It holds unless it was switched, perhaps twice, in between; its upper bits count.
      if load(header, .pair) == pair { return progress }
    }
  }

  /// All of it or, to whoever sees the file after a kill, nothing of it.
  static func setProgress(_ header: UnsafeMutableRawPointer, _ progress: Progress) {
    let pair = load(header, .pair) &+ 1
    let base = header + (pair & 1 == 0 ? Word.firstPair : .secondPair).rawValue
    uwrx_store(base, progress.drained)
    uwrx_store(base + 8, progress.length)
    store(header, .pair, pair)
  }
}
