/// By which numbers the processes of a trace are shown: those that its events tell, but for the dotted ones of a replay.
///
/// A trace with dotted ones has a file `numbers`: one a line. Events tell the first of them by `firstDotted`, the next by the number after that,
/// and so on.
public struct TraceNumbers: Sendable {
  public static let name = "numbers"
  /// No run has so many processes.
  static let firstDotted: UInt32 = 1 << 30
  private static let mostDotted = 1 << 20

  private var dotted: [ProcessNumber] = []
  private var pids: [ProcessNumber: UInt32] = [:]

  public init() {}

  /// - Throws: a message if the file makes no sense.
  public init(_ trace: TraceDirectory) throws(TraceError) {
    guard trace.exists(Self.name) else { return }
    try trace.forEachLine(of: Self.name) { fields throws(TraceError) in
      let text = String(decoding: fields[0], as: UTF8.self)
      guard fields.count == 1, dotted.count < Self.mostDotted, let number = ProcessNumber(text),
        (2...ProcessNumber.mostComponents).contains(number.components.count), number.description == text,
        add(number) != nil
      else { throw TraceError("the file \(trace.path)/\(Self.name) is damaged: \(text.prefix(200))") }
    }
  }

  /// - Returns: what events tell it by; nil if there is one of this number already.
  mutating func add(_ number: ProcessNumber) -> UInt32? {
    let pid = Self.firstDotted + UInt32(dotted.count)
    guard pids.updateValue(pid, forKey: number) == nil else { return nil }
    dotted.append(number)
    longest = max(longest, number.description.utf8.count)
    return pid
  }

  public var isEmpty: Bool { dotted.isEmpty }
  /// Characters of the longest dotted one; 0 if there is none.
  public private(set) var longest = 0

  /// The number of the process that events tell by `pid`.
  public subscript(pid: UInt32) -> ProcessNumber {
    guard pid >= Self.firstDotted, Int(pid - Self.firstDotted) < dotted.count else { return ProcessNumber(pid) }
    return dotted[Int(pid - Self.firstDotted)]
  }

  /// That as it is written. Of a process with no dotted number this is as fast as can be: there may be millions of lines.
  public func text(of pid: UInt32) -> String { pid < Self.firstDotted ? String(pid) : "\(self[pid])" }

  /// What events tell a process by; nil if there can be none of this number.
  public func pid(of number: ProcessNumber) -> UInt32? { number.isDotted ? pids[number] : number.components.first }

  /// What stands in the file.
  public var text: [UInt8] { dotted.flatMap { Array("\($0)\n".utf8) } }
}
