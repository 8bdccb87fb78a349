/** Loads what needs the database driver, only when it is needed: unpacking that takes a moment. */
export async function loadDriver<Module>(load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_DLOPEN_FAILED") {
      const reason = error.message.split("\n")[0];
      throw new Error(
        `the database driver cannot be loaded (${reason}); it is unpacked to TMPDIR, which must be writable and allow executing`,
      );
    }
    throw error;
  }
}
