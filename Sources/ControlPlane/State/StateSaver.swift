internal import Transport

/// Loads the state at the start, and saves it whenever it is another one. Whatever goes wrong with
/// the file is said once and stops nothing.
final class StateSaver {
    let path: String
    private let file: StateFile
    private let log: StateLog
    private var saved: SavedState?
    private var complaint: String?
    /// What is there could not be read, nor put aside: it is not written over.
    private var isKept = false

    init(path: String, log: StateLog) {
        self.path = path
        self.log = log
        file = StateFile(path: path)
    }

    /// What the file says; nil if there is none that can be used. A broken one is put aside.
    func load() -> SavedState? {
        let bytes: [UInt8]
        do throws(SystemError) {
            guard let found = try file.read() else { return nil }
            bytes = found
        } catch {
            setAside("\(error)")
            return nil
        }
        do throws(SavedStateError) {
            let state = try SavedState(reading: bytes)
            saved = state
            return state
        } catch {
            setAside("\(path) is broken at \(error)")
            return nil
        }
    }

    /// Writes the state if it is not the one that was written last. It is on the disk when this
    /// returns, or it was said that it is not.
    func save(_ state: SavedState) {
        guard state != saved, !isKept else { return }
        do throws(SystemError) {
            try file.write(Array(state.text.utf8))
            saved = state
            if complaint != nil { log.write(.info, "state: \(path) is written again") }
            complaint = nil
        } catch {
            complain("\(error)")
        }
    }

    private func setAside(_ mistake: String) {
        do throws(SystemError) {
            try file.setAside()
            log.write(
                .error,
                "state: \(mistake); it is now \(file.brokenPath), and weir starts as its"
                    + " configuration says")
        } catch {
            isKept = true
            let reason = error.description == mistake ? "" : " (\(error))"
            complain("\(mistake); it cannot be put aside\(reason), and stays as it is")
        }
    }

    private func complain(_ problem: String) {
        guard complaint != problem else { return }
        complaint = problem
        log.write(
            .warning,
            "state: \(problem); what is changed at run time will not survive a restart"
                + " (state: PATH, or off)")
    }
}
