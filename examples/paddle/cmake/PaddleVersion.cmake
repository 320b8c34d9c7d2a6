# SPDX-License-Identifier: Apache-2.0
#
# Sets PADDLE_RESOLVED_VERSION: what -DPADDLE_VERSION= says, else what `git describe` says
# of the sources, else "0.0.0+unknown".

set(PADDLE_VERSION "" CACHE STRING "The version; empty: ask git")

set(PADDLE_RESOLVED_VERSION "${PADDLE_VERSION}")
if(NOT PADDLE_RESOLVED_VERSION)
  find_package(Git QUIET)
  if(Git_FOUND)
    execute_process(
      COMMAND ${GIT_EXECUTABLE} describe --tags --always --dirty
      WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
      OUTPUT_VARIABLE PADDLE_RESOLVED_VERSION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    # A commit or checkout changes this file: configure again then.
    execute_process(
      COMMAND ${GIT_EXECUTABLE} rev-parse --git-path logs/HEAD
      WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
      OUTPUT_VARIABLE paddle_git_log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    get_filename_component(paddle_git_log "${paddle_git_log}" ABSOLUTE
      BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    if(paddle_git_log AND EXISTS ${paddle_git_log} AND NOT IS_DIRECTORY ${paddle_git_log})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${paddle_git_log})
    endif()
  endif()
endif()

string(REGEX REPLACE "^v([0-9])" "\\1" PADDLE_RESOLVED_VERSION "${PADDLE_RESOLVED_VERSION}")
if(NOT PADDLE_RESOLVED_VERSION)
  set(PADDLE_RESOLVED_VERSION "0.0.0+unknown")
endif()
if(NOT PADDLE_RESOLVED_VERSION MATCHES "^[0-9A-Za-z.+~_-]+$")
  message(FATAL_ERROR "'${PADDLE_RESOLVED_VERSION}' is not a version")
endif()
