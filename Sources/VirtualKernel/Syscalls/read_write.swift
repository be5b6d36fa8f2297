import SystemPackage
import Tracing

// The kernel moves the bytes; what a process says, and with `TraceLevel.io` how much it moves, is recorded.
extension Syscalls {
  static func reads(_ bytes: TransferBytes) -> Handler {
    { (call: Call) throws(Errno) -> Outcome in
      if Int32(truncatingIfNeeded: call.arguments.0) == 0, let unit = call.thread.group.unit {
        let file = (try? call.kernel.descriptors.status(of: 0, in: call.thread)).map { HostIdentity($0) }
        for unit in unit.chain { unit.didReadStandardInput(file) }
      }
      transfer(call, .readBytes, call.arguments.0, bytes)
      return .continue
    }
  }

  static func writes(_ bytes: TransferBytes) -> Handler {
    { (call: Call) throws(Errno) -> Outcome in
      output(call, call.arguments.0, bytes)
      transfer(call, .writeBytes, call.arguments.0, bytes)
      return .continue
    }
  }

  /// From the second argument's descriptor to the first's.
  @Sendable static func sendfile(_ call: Call) throws(Errno) -> Outcome {
    output(call, call.arguments.0, .count(3))
    transfer(call, .readBytes, call.arguments.1, .count(3))
    transfer(call, .writeBytes, call.arguments.0, .count(3))
    return .continue
  }

  /// copy_file_range and splice: from the first argument's descriptor to the third's.
  @Sendable static func splice(_ call: Call) throws(Errno) -> Outcome {
    output(call, call.arguments.2, .count(4))
    transfer(call, .readBytes, call.arguments.0, .count(4))
    transfer(call, .writeBytes, call.arguments.2, .count(4))
    return .continue
  }

  /// From the first argument's descriptor to the second's.
  @Sendable static func tee(_ call: Call) throws(Errno) -> Outcome {
    output(call, call.arguments.1, .count(2))
    transfer(call, .writeBytes, call.arguments.1, .count(2))
    return .continue
  }

  /// struct iocb of linux/aio_abi.h, up to what is asked for.
  private struct Request: BitwiseCopyable {
    var data: UInt64
    var key: UInt64
    var operation: UInt16
    var priority: Int16
    var descriptor: UInt32
    var buffer: UInt64
    var count: UInt64
  }

  /// An array of pointers to requests, and its length before it. Beyond so many it is only told that there was more.
  @Sendable static func submit(_ call: Call) throws(Errno) -> Outcome {
    let most: UInt64 = 256
    let count = call.arguments.1
    guard count > 0, count <= UInt64(Int32.max),
      let pointers = try? call.readBytes(at: call.arguments.2, count: Int(min(count, most)) * 8)
    else { return .continue }
    for offset in stride(from: 0, to: pointers.count, by: 8) {
      let pointer = pointers.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
      guard let request = try? call.read(Request.self, at: pointer) else { break }
      // IOCB_CMD_PWRITE and IOCB_CMD_PWRITEV
      if request.operation == 1 { output(call, UInt64(request.descriptor), .rangeAt(request.buffer, request.count)) }
      if request.operation == 8 { output(call, UInt64(request.descriptor), .vectorAt(request.buffer, request.count)) }
    }
    if count > most {
      for descriptor in [1, 2] as [UInt64] { output(call, descriptor, .unknown) }
    }
    return .continue
  }

  private static func output(_ call: Call, _ argument: UInt64, _ bytes: TransferBytes) {
    let descriptor = Int32(truncatingIfNeeded: argument)
    guard descriptor == 1 || descriptor == 2 else { return }
    call.thread.group.unit?.say(call, descriptor, bytes)
    call.kernel.recorder?.recordOutput(call, descriptor, bytes)
  }

  @Sendable static func close(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    if let node = call.node(of: descriptor) {
      call.kernel.recorder?.append(
        Event(.close, pid: call.thread.group.number, node: node, version: UInt32(bitPattern: descriptor)))
    }
    return .continue
  }

  private static func transfer(_ call: Call, _ kind: EventKind, _ argument: UInt64, _ bytes: TransferBytes) {
    let descriptor = Int32(truncatingIfNeeded: argument)
    guard let recorder = call.kernel.recorder, recorder.level == .io, let node = call.node(of: descriptor) else {
      return
    }
    withUnsafeBytes(of: bytes.total(call).littleEndian) { count in
      recorder.append(
        Event(kind, pid: call.thread.group.number, node: node, version: UInt32(bitPattern: descriptor)), count)
    }
  }
}

extension Call {
  /// The node of a descriptor's file, 0 if it is none of the tree's; nil if the descriptor is not open.
  fileprivate func node(of descriptor: Int32) -> UInt32? {
    guard let status = try? kernel.descriptors.status(of: descriptor, in: thread) else { return nil }
    return dentry(of: descriptor, status).map { files.events.node(of: $0) } ?? 0
  }
}
