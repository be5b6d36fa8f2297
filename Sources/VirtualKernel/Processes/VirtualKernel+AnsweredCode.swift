import CLinux
import Glibc
import Reproducibility
import SystemPackage

/// Code that a thread is about to map, and that asks the processor.
struct CodeMapping {
  let segment: AnsweredCode.Segment
  /// Of the segment's start.
  let address: UInt64
}

// What asks the processor itself, in a run with virtual clocks or a seed. It is written over when the process makes its next call: code that
// runs before that sees the machine.
extension VirtualKernel {
  /// A new program has begun.
  func answer(programOf group: ThreadGroup, _ image: ProcessImage, through thread: AbsTid) {
    guard let answeredFiles, image.programHeaders != 0 else { return }
    guard let file = try? information.openExecutable(of: group.id) else { return }
    defer { host.close(file) }
    guard let status = try? host.status(of: file) else { return }
    let code = answeredFiles.code(of: status) { file }
    guard let headers = code.programHeaders else { return }
    for segment in code.segments {
      write(CodeMapping(segment: segment, address: image.programHeaders &- headers &+ segment.address), group, thread)
    }
  }

  /// The caller maps a part of a file to run it.
  func expectCode(_ call: Call) {
    // Where it will be, the kernel alone knows, but for what follows a library's first part (ld.so(8)).
    let flags = Int32(truncatingIfNeeded: call.arguments.3)
    let descriptor = Int32(truncatingIfNeeded: call.arguments.4)
    guard let answeredFiles, flags & MAP_FIXED != 0, flags & MAP_PRIVATE != 0,
      let status = try? descriptors.status(of: descriptor, in: call.thread), status.st_mode & S_IFMT == S_IFREG
    else { return }
    var opened: FileDescriptor?
    defer { if let opened { descriptors.release(opened) } }
    let code = answeredFiles.code(of: status) { () throws(Errno) in
      let file = try descriptors.duplicate(descriptor, of: call.thread.group)
      opened = file
      return file
    }
    let (address, length, offset) = (call.arguments.0, call.arguments.1, call.arguments.5)
    for segment in code.segments where segment.offset >= offset {
      let start = segment.offset - offset
      guard start < length, segment.size <= length - start else { continue }
      call.thread.newCode.append(CodeMapping(segment: segment, address: address &+ start))
    }
  }

  /// The thread has mapped what it wanted, or was refused.
  func answerNewCode(of thread: Thread) {
    let mappings = thread.newCode
    thread.newCode = []
    // Another thread may run it by now.
    guard information.threads(of: thread.group.id).count <= 1 else { return }
    for mapping in mappings { write(mapping, thread.group, thread.id) }
  }

  private func write(_ mapping: CodeMapping, _ group: ThreadGroup, _ thread: AbsTid) {
    for original in mapping.segment.originals {
      var seen = [UInt8](repeating: 0, count: original.bytes.count)
      let count = seen.withUnsafeMutableBytes {
        try? memory.read(thread, at: mapping.address &+ original.offset, into: $0)
      }
      guard count == seen.count, seen == original.bytes else { return }
    }
    // A process that has ended, or a kernel that forbids it: what it asks, the processor answers.
    try? memory.patch(thread, of: group, at: mapping.address, mapping.segment.patches)
  }
}
