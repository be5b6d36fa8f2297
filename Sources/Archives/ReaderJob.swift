import CArchives
import Glibc
import SystemPackage

/// What the child that reads an archive does: it answers until nobody asks any more.
final class ReaderJob {
  private let format: ArchiveReader.Format
  private let file: ArchiveFile

  init(_ format: ArchiveReader.Format, _ file: ArchiveFile) {
    self.format = format
    self.file = file
  }

  func serve(_ socket: Int32) {
    let channel = ReaderChannel(FileDescriptor(rawValue: socket))
    if format == .squashfs { opened = SquashfsImage.open(file) }
    guard uwrx_reader_confine() == 0 else { return }
    let output = ReaderOutput(channel)
    while let question = try? channel.receive(mayWait: true) {
      do throws(ArchiveError) { try answer(question, output) } catch { output.fail(error) }
      guard (try? channel.flush()) != nil else { return }
    }
  }

  private var opened: UnsafeMutablePointer<sqfs_file_t>?
  private var image: SquashfsImage?

  private func answer(_ question: ReaderChannel.Message, _ output: ReaderOutput) throws(ArchiveError) {
    var size: Int64 = 0
    switch (question.kind, format) {
    case (.index, .tar): try TarArchive(file).index(into: output)
    case (.index, .squashfs):
      let image = try SquashfsImage(opened, file)
      self.image = image
      try image.index(into: output)
    case (.probe, .tar): size = try TarArchive(file).isPlain ? 1 : 0
    case (.unpack, .tar): return try TarArchive(file).unpack(to: output)
    default:
      do throws(Errno) {
        let content = UInt64(bitPattern: question.value)
        if format == .tar { return try TarArchive(file).copy(content, to: output) }
        guard question.kind == .copy, let image else { throw .invalidArgument }
        return try image.copy(content, path: Array(question.bytes), to: output)
      } catch { return output.fail(error) }
    }
    do throws(Errno) { try output.finish(size: size) } catch { output.fail(error) }
  }
}
