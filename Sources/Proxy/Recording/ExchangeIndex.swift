import Network
import Synchronization
import SystemPackage
import Tracing

/// Finds the answers that an earlier run recorded.
///
/// Among equal requests (``ExchangeKey``) each answer is given once: first those to the same process, in their order, then those of the run.
/// When none is left, the last is given again if all were equal and the method is GET, HEAD or CONNECT.
public final class ExchangeIndex: Sendable {
  private struct Entry {
    let record: ExchangeRecord
    /// Its place among all, and so that of its mark.
    let place: Int
  }

  private struct Answers {
    var unused: [Entry] = []
    /// Whether what another process has given is left out of that.
    var isCurrent = false
    /// The last of all.
    var last: ExchangeRecord
    /// Whether all are equal; nil if that was not asked yet.
    var areEqual: Bool?
    var all: [ExchangeRecord] = []
  }

  /// An exchange whose answer began before its request had ended.
  private struct Early {
    let key: ExchangeKey
    let entry: ExchangeRecord
    let turns: [ExchangeTurn]
  }

  enum Match {
    case found(ExchangeRecord, ExchangeReader)
    /// Why there is no answer, for the user.
    case missing(String)
  }

  /// The most exchanges of a run that are read; each takes about 1 KiB.
  private static let most = 1 << 20

  private let readers: [[UInt8]: ExchangeReader]
  private let answers: Mutex<[ExchangeKey: Answers]>
  /// What was given, by a proxy that ended before, too.
  private let given: SharedMarks
  /// Whose answers began before their requests had ended, by the key without a digest.
  private let early: [ExchangeKey: [Early]]
  /// The same without what chooses among answers.
  private let targets: Set<[[UInt8]]>
  /// Directories of domains, with the ports of HTTP/2 there.
  private let http2: [[UInt8]: Set<UInt16>]
  let credentials: Credentials
  /// `<domain>/requests/log` or a request, and what is wrong there; what is wrong is not found.
  public let damaged: [String]

  /// Reads the heads of all exchanges.
  /// - Parameters:
  ///   - directory: `net` of the earlier run's trace.
  ///   - key: of the digests of credentials in it.
  public convenience init(_ directory: NetworkDirectory, key: [UInt8]) throws {
    try self.init(directory, key: key, given: nil)
  }

  /// - Parameter given: of another process that has read the same.
  init(_ directory: NetworkDirectory, key: [UInt8], given: SharedMarks?) throws {
    credentials = Credentials(key: key)
    var readers: [[UInt8]: ExchangeReader] = [:]
    var entries: [(key: ExchangeKey, entry: ExchangeRecord)] = []
    var damaged: [String] = []
    var http2: [[UInt8]: Set<UInt16>] = [:]
    for name in try DirectoryHandle(directory.path).names().sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let text = String(decoding: name, as: UTF8.self)
      guard text.utf8.elementsEqual(name) else { continue }
      let reader: ExchangeReader?
      do throws(ExchangeFormatError) { reader = try ExchangeReader("\(directory.path)/\(text)") } catch {
        throw ExchangeFormatError("what was recorded of \(text) cannot be read: \(error)")
      }
      guard let reader else { continue }
      readers[name] = reader
      let contents = try reader.contents(most: Self.most - entries.count)
      if let damage = contents.damage { damaged.append("\(text)/requests/\(ExchangeLog.name): \(damage)") }
      for record in contents.records {
        do throws(ExchangeFormatError) {
          let head = try reader.request(record).head
          let meta = record.meta
          let key = ExchangeKey(
            head, Array(head.target), digest: meta.requestDigest, name, scheme: meta.scheme, port: meta.port)
          entries.append((key, record))
          if head.majorVersion == 2 { http2[name, default: []].insert(meta.port) }
        } catch { damaged.append("\(text)/requests/\(ExchangeLog.name), exchange \(record.number): \(error)") }
      }
    }
    var answers: [ExchangeKey: Answers] = [:]
    for (place, (key, entry)) in entries.sorted(by: { $0.entry.meta.order < $1.entry.meta.order }).enumerated() {
      var list = answers[key] ?? Answers(last: entry)
      list.unused.append(Entry(record: entry, place: place))
      list.last = entry
      list.all.append(entry)
      answers[key] = list
    }
    var early: [ExchangeKey: [Early]] = [:]
    for (key, list) in answers where http2[key.directoryName] != nil {
      for entry in list.all {
        guard let turns = readers[key.directoryName]?.turns(entry) else { continue }
        early[key.withoutDigest, default: []].append(Early(key: key, entry: entry, turns: turns))
      }
    }
    self.early = early.mapValues { $0.sorted { $0.entry.meta.order < $1.entry.meta.order } }
    targets = Set(answers.keys.map { [$0.directoryName, $0.method, $0.target] })
    self.readers = readers
    self.http2 = http2
    self.damaged = damaged
    self.answers = Mutex(answers)
    self.given = given ?? SharedMarks(entries.count)
  }

  func speaksHTTP2(_ domain: Domain, port: UInt16) -> Bool { http2[domain.directoryName]?.contains(port) == true }

  func find(_ key: ExchangeKey, for process: UInt32) -> Match {
    guard let reader = readers[key.directoryName] else {
      return .missing("nothing of \(String(decoding: key.directoryName, as: UTF8.self)) was recorded")
    }
    return answers.withLock { answers in
      guard var list = answers.removeValue(forKey: key) else { return .missing(reason(key)) }
      defer { answers[key] = list }
      leaveOutGiven(&list)
      if !list.unused.isEmpty {
        let place = list.unused.firstIndex { $0.record.meta.process == process } ?? 0
        let entry = list.unused.remove(at: place)
        given.set(entry.place)
        return .found(entry.record, reader)
      }
      // What goes over a tunnel is looked for itself.
      guard ["GET", "HEAD", "CONNECT"].contains(where: { key.method.elementsEqual($0.utf8) }) else {
        return .missing("it was recorded \(list.all.count) times, and is asked for once more")
      }
      if list.areEqual == nil {
        list.areEqual = list.all.allSatisfy {
          $0.number == list.last.number || reader.haveEqualAnswers($0, list.last, to: key.method[...])
        }
      }
      guard list.areEqual == true else {
        return .missing("its \(list.all.count) recorded answers differ, and it is asked for once more")
      }
      return .found(list.last, reader)
    }
  }

  private func leaveOutGiven(_ list: inout Answers) {
    if list.isCurrent { return }
    list.isCurrent = true
    list.unused.removeAll { given.isSet($0.place) }
  }

  /// Whether an answer to such a request may begin before its body has ended.
  /// - Parameter key: whose digest counts for nothing.
  func mayBeginEarly(_ key: ExchangeKey) -> Bool { early[key.withoutDigest] != nil }

  /// The answer that began when so much was said of a request, and the request was the same so far; of the same process if there is one. It is given once.
  func findEarly(_ key: ExchangeKey, for process: UInt32, after said: [UInt8]) -> EarlyAnswer? {
    guard let list = early[key.withoutDigest], let reader = readers[key.directoryName] else { return nil }
    let own = list.filter { $0.entry.meta.process == process }
    let others = list.filter { $0.entry.meta.process != process }
    for candidate in own + others where candidate.turns[0].said <= said.count {
      let number = candidate.entry.number
      guard place(of: number, candidate.key) != nil,
        let answer = EarlyAnswer(candidate.entry, reader, candidate.turns, after: said),
        let place = place(of: number, candidate.key)
      else { continue }
      given.set(place)
      answers.withLock { $0[candidate.key]?.unused.removeAll { $0.place == place } }
      return answer
    }
    return nil
  }

  /// Of one that was not given yet; nil if it was.
  private func place(of number: Int, _ key: ExchangeKey) -> Int? {
    answers.withLock { answers in
      guard var list = answers.removeValue(forKey: key) else { return nil }
      defer { answers[key] = list }
      leaveOutGiven(&list)
      return list.unused.first { $0.record.number == number }?.place
    }
  }

  private func reason(_ key: ExchangeKey) -> String {
    targets.contains([key.directoryName, key.method, key.target])
      ? "it was recorded with another body, Range, Accept, Accept-Encoding, Git-Protocol, Upgrade, scheme or port only"
      : "it was never recorded"
  }
}
