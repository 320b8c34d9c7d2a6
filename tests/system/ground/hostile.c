/* A folder as a network file system shows it: hostile FOLDER MOUNTPOINT [REFUSALS].
 *
 * REFUSALS is a list with commas: "chown" (not permitted), "xattr" (not supported), "flock" (no
 * locks available), and "slow=MS" (each look at a name takes so long, as on a busy metadata server).
 * What overlay wants of an upper layer, xattrs and whiteouts, is refused with "xattr". As on NFS 4,
 * a lock is shared by who may read the open file, and had alone by who may write it.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int root, no_chown, no_xattr, no_flock, slow;

#define OR_ERROR(call) ((call) == -1 ? -errno : 0)

static const char *at_as(const char *path, uid_t uid, gid_t gid)
{
    setfsgid(gid);
    setfsuid(uid);
    if (slow)
        usleep(slow * 1000);
    return path[1] ? path + 1 : ".";
}

/* The name below the folder; as whoever asks, so that what is made belongs to them. */
static const char *at(const char *path)
{
    return at_as(path, fuse_get_context()->uid, fuse_get_context()->gid);
}

/* Who has a handle gets its attributes, as on NFS: the way to it was allowed when it was gone. */
static int fs_getattr(const char *path, struct stat *to, struct fuse_file_info *info)
{
    if (info)
        return OR_ERROR(fstat(info->fh, to));
    return OR_ERROR(fstatat(root, at_as(path, 0, 0), to, AT_SYMLINK_NOFOLLOW));
}

static int fs_readlink(const char *path, char *to, size_t size)
{
    ssize_t length = readlinkat(root, at(path), to, size - 1);
    if (length < 0)
        return -errno;
    to[length] = 0;
    return 0;
}

static int fs_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)offset, (void)info, (void)flags;
    int folder = openat(root, at(path), O_RDONLY | O_DIRECTORY);
    DIR *list = folder < 0 ? NULL : fdopendir(folder);
    if (!list)
        return -errno;
    for (struct dirent *entry; (entry = readdir(list));)
        fill(to, entry->d_name, NULL, 0, 0);
    closedir(list);
    return 0;
}

static int fs_mknod(const char *path, mode_t mode, dev_t device)
{
    if (no_xattr && S_ISCHR(mode))
        return -EPERM;
    return OR_ERROR(mknodat(root, at(path), mode, device));
}

static int fs_mkdir(const char *path, mode_t mode) { return OR_ERROR(mkdirat(root, at(path), mode)); }
static int fs_unlink(const char *path) { return OR_ERROR(unlinkat(root, at(path), 0)); }
static int fs_rmdir(const char *path) { return OR_ERROR(unlinkat(root, at(path), AT_REMOVEDIR)); }
static int fs_symlink(const char *to, const char *path) { return OR_ERROR(symlinkat(to, root, at(path))); }

static int fs_rename(const char *from, const char *to, unsigned int flags)
{
    return OR_ERROR(renameat2(root, at(from), root, to + 1, flags));
}

static int fs_link(const char *from, const char *to)
{
    return OR_ERROR(linkat(root, at(from), root, to + 1, 0));
}

static int fs_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
    (void)info;
    return OR_ERROR(fchmodat(root, at(path), mode, 0));
}

static int fs_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *info)
{
    (void)info;
    return no_chown ? -EPERM : OR_ERROR(fchownat(root, at(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
    if (info)
        return OR_ERROR(ftruncate(info->fh, size));
    int file = openat(root, at(path), O_WRONLY);
    int failed = file < 0 ? -errno : OR_ERROR(ftruncate(file, size));
    close(file);
    return failed;
}

static int fs_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info)
{
    (void)info;
    return OR_ERROR(utimensat(root, at(path), times, AT_SYMLINK_NOFOLLOW));
}

static int fs_open(const char *path, struct fuse_file_info *info)
{
    int file = openat(root, at(path), info->flags);
    info->fh = file;
    return file < 0 ? -errno : 0;
}

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
    int file = openat(root, at(path), info->flags | O_CREAT, mode);
    info->fh = file;
    return file < 0 ? -errno : 0;
}

static int fs_read(const char *path, char *to, size_t size, off_t offset, struct fuse_file_info *info)
{
    (void)path;
    ssize_t got = pread(info->fh, to, size, offset);
    return got < 0 ? -errno : got;
}

static int fs_write(const char *path, const char *from, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)path;
    ssize_t put = pwrite(info->fh, from, size, offset);
    return put < 0 ? -errno : put;
}

static int fs_release(const char *path, struct fuse_file_info *info)
{
    (void)path;
    return close(info->fh), 0;
}

static int fs_statfs(const char *path, struct statvfs *to)
{
    (void)path;
    return OR_ERROR(fstatvfs(root, to));
}

static int fs_setxattr(const char *path, const char *name, const char *value, size_t size, int flags)
{
    (void)path, (void)name, (void)value, (void)size, (void)flags;
    return no_xattr ? -EOPNOTSUPP : -EPERM;
}

static int fs_flock(const char *path, struct fuse_file_info *info, int operation)
{
    (void)path;
    int access = fcntl(info->fh, F_GETFL) & O_ACCMODE;
    if (access == (operation & LOCK_EX ? O_RDONLY : operation & LOCK_SH ? O_WRONLY : -1))
        return -EBADF;
    return no_flock ? -ENOLCK : OR_ERROR(flock(info->fh, operation));
}

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->use_ino = 1;
    return NULL;
}

static const struct fuse_operations operations = {
    .getattr = fs_getattr, .readlink = fs_readlink, .readdir = fs_readdir, .mknod = fs_mknod,
    .mkdir = fs_mkdir, .unlink = fs_unlink, .rmdir = fs_rmdir, .symlink = fs_symlink,
    .rename = fs_rename, .link = fs_link, .chmod = fs_chmod, .chown = fs_chown,
    .truncate = fs_truncate, .utimens = fs_utimens, .open = fs_open, .create = fs_create,
    .read = fs_read, .write = fs_write, .release = fs_release, .statfs = fs_statfs,
    .setxattr = fs_setxattr, .flock = fs_flock, .init = fs_init,
};

int main(int count, char **words)
{
    if (count < 3)
        return fprintf(stderr, "usage: hostile FOLDER MOUNTPOINT [REFUSALS]\n"), 2;
    const char *refusals = count > 3 ? words[3] : "";
    no_chown = strstr(refusals, "chown") != NULL;
    no_xattr = strstr(refusals, "xattr") != NULL;
    no_flock = strstr(refusals, "flock") != NULL;
    const char *milliseconds = strstr(refusals, "slow=");
    slow = milliseconds ? atoi(milliseconds + 5) : 0;
    root = open(words[1], O_RDONLY | O_DIRECTORY);
    if (root < 0)
        return perror(words[1]), 1;
    umask(0);
    char *arguments[] = {words[0], "-f", "-o", "allow_other,default_permissions,subtype=hostile", words[2], NULL};
    return fuse_main(5, arguments, &operations, NULL);
}
