import RandomKit
import Testing

@testable import Skipping

struct SkipRecordTests {
  private static func record(_ random: inout SeededGenerator) -> SkipRecord {
    func digest() -> [UInt8] { random.bytes(32...32) }
    func path() -> [UInt8] {
      Array("/a".utf8) + random.bytes(1...40).map { [0, 0x2f].contains($0) ? 0x0a : $0 }
    }
    func number(_ most: UInt32 = .max) -> UInt32 { UInt32.random(in: 0...most, using: &random) }
    func status() -> SkipRecord.Status {
      SkipRecord.Status(mode: number(0o177777), uid: number(), gid: number(), size: Int64(number()))
    }
    func time() -> Int64? { number(1) == 0 ? nil : Int64.random(in: -5...Int64.max / 2, using: &random) }
    func standing() -> SkipRecord.Standing? {
      switch number(4) {
      case 0: nil
      case 1: .link(target: path())
      case 2: .directory(mode: number(0o7777))
      case 3: .name(of: path())
      default:
        .file(SkipRecord.File(mode: number(0o7777), size: Int64(number()), digest: digest(), modified: time()))
      }
    }
    var record = SkipRecord(
      origin: path(), process: number(), duration: UInt64(number()),
      timing: SkipRecord.Timing(rawValue: UInt8(number(2))) ?? .none,
      clock: number(1) == 0 ? nil : UInt64.random(in: 0 ... .max, using: &random), questions: [], outputs: [], said: [],
      status: UInt8(number(255)))
    for _ in 0..<number(8) {
      let answer: SkipRecord.Answer =
        switch number(4) {
        case 0: .contents(status(), digest: digest())
        case 1: .status(status())
        case 2: .missing
        case 3: .link(target: path())
        default: .names(digest: digest())
        }
      var question = SkipRecord.Question(path: path(), answer: answer)
      switch answer {
      case .contents, .status: question.modified = time()
      default: break
      }
      record.questions.append(question)
    }
    for _ in 0..<number(3) {
      record.outputs.append(
        SkipRecord.Output(
          path: path(), before: number(1) == 0 ? nil : status(),
          after: standing()))
    }
    for _ in 0..<number(3) {
      record.said.append(SkipRecord.Piece(descriptor: Int32(1 + number(1)), bytes: random.bytes(0...60)))
    }
    return record
  }

  @Test("a record is read as it was written, and nothing else is one", arguments: 0..<40)
  func text(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let record = Self.record(&random)
    let text = record.text
    #expect(SkipRecord(text: text) == record)
    // Whatever is cut off is missed.
    for length in 0..<text.count where length % 7 == Int(seed % 7) {
      #expect(SkipRecord(text: Array(text[..<length])) == nil)
    }
    // Other bytes make another record or none, and never a crash.
    for _ in 0..<200 {
      var changed = text
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let read = SkipRecord(text: changed) else { continue }
      #expect(SkipRecord(text: read.text) == read)
    }
  }

  @Test(
    "paths lead there by themselves",
    arguments: [
      "", "a", "/a/../b", "/a/./b", "/a//b", "/a/", "/\\x00", "/..", "/" + String(repeating: "a", count: 256),
    ])
  func paths(_ path: String) {
    let text = "uwrx skip record 3\nfrom\t/t\t2\t3\t0\nmissing\t\(path)\nstatus\t0\nend\n"
    #expect(SkipRecord(text: Array(text.utf8)) == nil)
    #expect(SkipRecord(text: Array(text.replacingPath(path, by: "/a/b").utf8)) != nil)
  }

  @Test(
    "programs are known by their names, whatever machine they are for and of whichever version",
    arguments: [
      ("/usr/bin/gcc", true), ("/usr/bin/x86_64-linux-gnu-gcc-12", true), ("/usr/bin/aarch64-linux-gnu-g++-12", true),
      ("/usr/bin/clang-14", true), ("/usr/bin/ld.bfd", true), ("/opt/cc", true), ("/usr/bin/gcc-ar-12", true),
      ("/usr/bin/make", true), ("/usr/bin/python3", false), ("/usr/bin/gcc-nm", false), ("/usr/bin/occ", false),
      ("/opt/mine", true), ("/usr/bin/strip", true),
    ])
  func programs(_ path: String, _ isSkipped: Bool) {
    #expect(SkippedPrograms(more: ["/opt/mine"]).traits(Array(path.utf8)).lookUp == (isSkipped ? .always : .never))
    #expect(SkippedPrograms(fewer: ["gcc"]).traits(Array("/usr/bin/gcc".utf8)).lookUp == .never)
  }

  @Test(
    "what may read more than files is told by its arguments",
    arguments: [
      ("gcc -c a.c", false), ("gcc -x c -", true), ("gcc @arguments", true), ("as a.s", true), ("ar rc a.a b.o", false),
      ("ar -M", true), ("ar rc a.a Makefile", false), ("ar @a", true), ("ar ru a.a b.o", false),
      ("ar rcU a.a b.o", true), ("ld -o a b.o", false), ("ranlib x.a", false),
    ])
  func arguments(_ command: String, _ readsMore: Bool) {
    let words = command.split(separator: " ").map { Array($0.utf8)[...] }
    #expect(!SkippedPrograms.asksProcessor(words))
    #expect(SkippedPrograms.asksProcessor(words + [Array("-march=native".utf8)[...]]))
    #expect(SkippedPrograms.readsMore(Array("/usr/bin/".utf8) + words[0], words) == readsMore)
  }
}

extension String {
  fileprivate func replacingPath(_ path: String, by other: String) -> String {
    guard let place = range(of: "missing\t\(path)\n") else { return self }
    return String(self[..<place.lowerBound]) + "missing\t\(other)\n" + String(self[place.upperBound...])
  }

  private func range(of part: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
      start = index(after: start)
    }
    return nil
  }
}
