/// The arguments of slices. The raw values are their numbers in a trace's `debug_annotation_names`.
enum Annotation: UInt8, CaseIterable {
  case path = 1
  /// What the last component of a path was looked for in.
  case directory
  case version
  /// What the duration has beyond whole microseconds, which are all that a slice has.
  case nanoseconds
  case flags
  case node
  case process
  case thread
  case guestProcess
  case hostProcess
  case duration
  case status
  case outcome
  case userTime
  case systemTime
  case peakMemory
  case reserved
  case workingDirectory
  case environment
  case arguments
  case variables
  case descriptor
  case text
  case address
  case socketAddress
  case call
  case errno
  case bytes
  case name
  case value
  case realTime
  case count
  case totalTime
  case longestTime
  case place
  case connection
  case sent
  case received
  /// What no other annotation can hold.
  case data
  /// The texts of this slice are written as `Escaping` says, since they are no UTF-8.
  case isEscaped
  case method
  case url
  case answer
  case recordType
  /// Of what is longer than an event can be.
  case requestDuration
  case isBrokenOff
  /// The version of a payload.
  case format
  case origin
  case reason
  case file
  case question
  case answerBefore
  case answerNow

  /// Spelled out, as a case asked for its own name costs a quarter of a millisecond at the start.
  var title: String {
    switch self {
    case .path: "path"
    case .directory: "directory"
    case .version: "version"
    case .nanoseconds: "and nanoseconds"
    case .flags: "flags"
    case .node: "node"
    case .process: "process"
    case .thread: "thread"
    case .guestProcess: "pid in the guest"
    case .hostProcess: "pid on the host"
    case .duration: "duration (ns)"
    case .status: "status"
    case .outcome: "outcome"
    case .userTime: "user time (ns)"
    case .systemTime: "system time (ns)"
    case .peakMemory: "peak memory"
    case .reserved: "reserved"
    case .workingDirectory: "working directory"
    case .environment: "environment"
    case .arguments: "arguments"
    case .variables: "variables"
    case .descriptor: "descriptor"
    case .text: "text"
    case .address: "address"
    case .socketAddress: "sockaddr"
    case .call: "system call"
    case .errno: "errno"
    case .bytes: "bytes"
    case .name: "name"
    case .value: "value"
    case .realTime: "time (ns since 1970)"
    case .count: "count"
    case .totalTime: "total time (ns)"
    case .longestTime: "longest time (ns)"
    case .place: "place"
    case .connection: "connection"
    case .sent: "sent"
    case .received: "received"
    case .data: "data"
    case .isEscaped: "escaped"
    case .method: "method"
    case .url: "url"
    case .answer: "answer"
    case .recordType: "type"
    case .requestDuration: "time taken (ns)"
    case .isBrokenOff: "broken off"
    case .format: "format"
    case .origin: "origin"
    case .reason: "reason"
    case .file: "file"
    case .question: "question"
    case .answerBefore: "answer before"
    case .answerNow: "answer now"
    }
  }
}

/// The categories of slices, by their numbers in a trace's `event_categories`.
enum Category: UInt8, CaseIterable {
  case file = 1
  case process
  case network
  case output
  case run

  var title: String {
    switch self {
    case .file: "file"
    case .process: "process"
    case .network: "network"
    case .output: "output"
    case .run: "run"
    }
  }
}

/// How the events of a kind stand in a trace: which annotations hold their fields.
struct EventShape {
  /// How the name of an event is written.
  enum Payload {
    case none
    case text(Annotation)
    /// Texts, each with its NUL.
    case list(Annotation)
    /// A text, a NUL, and a text or several with NULs between them.
    case pair(Annotation, Annotation)
    /// Little-endian numbers of 8 bytes; the first always stands there, the others unless they are 0.
    case numbers([Annotation])
    /// Little-endian numbers of 8 bytes, and texts with NULs between them; the first always stands there.
    case fields([Annotation], [Annotation])
    /// A number of 4 bytes.
    case number(Annotation)
    case socketAddress
  }

  var title: String
  var category: Category
  var node = Annotation.path
  var version = Annotation.version
  var payload = Payload.none

  /// By the raw value of the kind.
  static let all: [EventShape] = {
    var shapes = [EventShape](
      repeating: EventShape(title: "", category: .run), count: Int(EventKind.allCases.last!.rawValue) + 1)
    for kind in EventKind.allCases { shapes[Int(kind.rawValue)] = of(kind) }
    return shapes
  }()

  private static func of(_ kind: EventKind) -> EventShape {
    switch kind {
    case .node: EventShape(title: "name", category: .file, payload: .text(.name))
    case .spawn: EventShape(title: "spawn", category: .process, version: .guestProcess, payload: .number(.hostProcess))
    case .exec: EventShape(title: "exec", category: .process)
    case .exit:
      EventShape(
        title: "exit", category: .process, version: .status,
        payload: .numbers([.userTime, .systemTime, .peakMemory, .reserved]))
    case .read: EventShape(title: "open", category: .file)
    case .stat: EventShape(title: "stat", category: .file)
    case .missing: EventShape(title: "missing", category: .file, payload: .text(.name))
    case .readLink: EventShape(title: "readlink", category: .file)
    case .list: EventShape(title: "list", category: .file)
    case .create: EventShape(title: "create", category: .file)
    case .write: EventShape(title: "write", category: .file)
    case .delete: EventShape(title: "delete", category: .file)
    case .renameFrom: EventShape(title: "rename from", category: .file)
    case .renameTo: EventShape(title: "rename to", category: .file)
    case .makeDirectory: EventShape(title: "mkdir", category: .file)
    case .removeDirectory: EventShape(title: "rmdir", category: .file)
    case .changeMode: EventShape(title: "chmod", category: .file)
    case .changeOwner: EventShape(title: "chown", category: .file)
    case .symbolicLink: EventShape(title: "symlink", category: .file)
    case .link: EventShape(title: "link", category: .file)
    case .stored: EventShape(title: "stored", category: .file, payload: .text(.place))
    case .truncate: EventShape(title: "truncate", category: .file)
    case .arguments:
      EventShape(
        title: "arguments", category: .process, node: .workingDirectory, version: .environment,
        payload: .list(.arguments))
    case .environment:
      EventShape(title: "environment", category: .process, version: .environment, payload: .list(.variables))
    case .output: EventShape(title: "output", category: .output, version: .descriptor, payload: .text(.text))
    case .connect: EventShape(title: "connect", category: .network, version: .descriptor, payload: .socketAddress)
    case .bind: EventShape(title: "bind", category: .network, version: .descriptor, payload: .socketAddress)
    case .accept: EventShape(title: "accept", category: .network, version: .descriptor, payload: .socketAddress)
    case .denied: EventShape(title: "denied", category: .process, node: .errno, version: .call)
    case .limit: EventShape(title: "limit", category: .run, payload: .text(.text))
    case .readBytes:
      EventShape(title: "read bytes", category: .file, version: .descriptor, payload: .numbers([.bytes]))
    case .writeBytes:
      EventShape(title: "write bytes", category: .file, version: .descriptor, payload: .numbers([.bytes]))
    case .close: EventShape(title: "close", category: .file, version: .descriptor)
    case .parameter: EventShape(title: "parameter", category: .run, payload: .pair(.name, .value))
    case .clock: EventShape(title: "clock", category: .run, payload: .numbers([.realTime]))
    case .totals:
      EventShape(
        title: "totals", category: .run, version: .call, payload: .numbers([.count, .totalTime, .longestTime]))
    case .unanswered: EventShape(title: "unanswered", category: .process, payload: .text(.text))
    case .lookUp:
      EventShape(title: "dns_lookup", category: .network, payload: .fields([], [.name, .recordType, .answer]))
    case .connection: EventShape(title: "connection", category: .network, version: .connection, payload: .text(.text))
    case .connectionEnd:
      EventShape(
        title: "connection end", category: .network, version: .connection, payload: .numbers([.sent, .received]))
    case .request:
      EventShape(
        title: "request", category: .network, version: .connection,
        payload: .fields([.status, .sent, .received, .requestDuration, .isBrokenOff], [.method, .url]))
    case .miss: EventShape(title: "miss", category: .network, version: .connection, payload: .text(.text))
    case .network: EventShape(title: "network", category: .network, payload: .text(.text))
    case .skipped:
      EventShape(
        title: "skipped", category: .process, payload: .fields([.format, .process, .requestDuration], [.origin]))
    case .unskipped:
      EventShape(
        title: "not skipped", category: .process,
        payload: .fields(
          [.format, .process, .requestDuration], [.origin, .reason, .file, .question, .answerBefore, .answerNow]))
    case .unrecorded:
      EventShape(title: "not recorded", category: .process, payload: .fields([.format], [.reason, .file]))
    case .refusal: EventShape(title: "refused", category: .network, payload: .pair(.name, .value))
    }
  }
}
